"""jsarag: joint training of a retriever and a generator by stochastic approximation (JSA-RAG, arXiv 2508.18168).

    import jsarag

    models = jsarag.Models.of(jsarag.load_encoder(), jsarag.load_generator())
    kb = jsarag.KnowledgeBase.build(passages, models.prior)
    jsarag.Trainer(models, kb, pairs).run()
    print(jsarag.Pipeline(models.prior, kb, models.generator).ask("What does neap pay mean?").text)

The public names are those in ``__init__.pyi``; objectives are in `jsarag.objectives`. Names are loaded on first use, so
that importing the package costs nothing.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
