"""Train on lists of dicts, in four lines: an encoder and a generator in, both of them better out.

python examples/four_lines.py
"""

from __future__ import annotations

import jsarag

passages = [
    {"title": "Deposits", "text": "We return a deposit within ten days after you have left."},
    {"title": "Pets", "text": "Dogs are welcome in the garden rooms, cats are not."},
    {"title": "Breakfast", "text": "Breakfast is served from seven to ten in the old mill."},
]
pairs = [
    {"input": "When do I get my deposit back?", "outputs": ["within ten days"]},
    {"input": "May my dog come along?", "outputs": ["yes, in the garden rooms"]},
    {"input": "Where do we eat in the morning?", "outputs": ["in the old mill"]},
]

models = jsarag.Models.of(jsarag.load_encoder(), jsarag.load_generator())
kb = jsarag.KnowledgeBase.build(passages, models.prior)
jsarag.Trainer(models, kb, pairs, jsarag.objectives.JSA(k=2), jsarag.Settings(loop=jsarag.LoopConfig(epochs=10))).run()
pipeline = jsarag.Pipeline(models.prior, kb, models.generator, jsarag.DecodingConfig(passages=2))

print(pipeline.ask("Can I bring my dog?").text)
