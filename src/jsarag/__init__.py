"""jsarag: joint training of a retriever and a generator by stochastic approximation (JSA-RAG)."""
