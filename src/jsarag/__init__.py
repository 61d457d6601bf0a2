"""jsarag: joint training of a retriever and a generator by stochastic approximation (JSA-RAG, arXiv 2508.18168).

    import jsarag

    passages = [{"text": "Neap pay is half of spring pay."}, {"text": "The ferry leaves at noon."}]
    pairs = [{"input": "What is neap pay?", "outputs": ["half of spring pay"]}]

    models = jsarag.Models.of(jsarag.load_encoder(), jsarag.load_generator())
    kb = jsarag.KnowledgeBase.build(passages, models.prior)
    jsarag.Trainer(models, kb, pairs, jsarag.objectives.JSA(k=2)).run()
    pipeline = jsarag.Pipeline(models.prior, kb, models.generator, jsarag.DecodingConfig(passages=2))
    print(pipeline.ask("How much is neap pay?").text)

The public names are those in ``__init__.pyi``; objectives are in `jsarag.objectives`. Names are loaded on first use, so
that importing the package costs nothing.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
