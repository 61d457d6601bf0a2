"""transformers' own RAG, and the same two networks on this engine: BART-base and a DPR-size BERT, random weights.

The tokenizers are those of SmolLM2 and MiniLM, whose vocabularies fit; only the speed of the networks is looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from workload import CACHE, Workload, load

from jsarag.models import EncoderConfig, GeneratorConfig, PromptConfig, load_encoder, load_generator
from jsarag.models.precision import autocast
from jsarag.models.resolve import resolve
from jsarag.training.models import Models

FOLDER = CACHE / "bart-dpr"
LONGEST = 300
"""To which transformers' RagRetriever pads every prompt (its max_combined_length)."""
INDEXED = 300
"""Passages: random weights find nothing anyway, and encoding thousands with a BERT takes an hour on a CPU."""


def networks() -> Models:
    """Both networks as jsarag loads them, all weights trained, as transformers' RAG trains them."""
    if not (FOLDER / "generator" / "model.safetensors").exists():
        _make(FOLDER)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoder = EncoderConfig(str(FOLDER / "encoder"), passage="{title} {text}", scale=0.1)
    prompt = PromptConfig("{passage} // {input}", "{input}", passage="{title} / {text}", chat=False)
    generator = GeneratorConfig(str(FOLDER / "generator"), lora=None, prompt=prompt)
    prior = load_encoder(encoder, device)
    return Models(prior, prior.copy(), load_generator(generator, device))


def workload(name: str, folder: Path, models: Models) -> Workload:
    """A data set with an index of these networks."""
    return load(name, folder, models, index=f"bart-dpr-{name}", passages=INDEXED)


class Transformers:
    """One step of `RagSequenceForGeneration` on the passages that the index gives, as its RagRetriever prepares them.

    Every prompt is padded to 300 tokens, as there; the question encoder, its scores of the passages and the generator
    learn. The encoder and the generator hold the weights of the models they are compared with.
    """

    def __init__(self, work: Workload, k: int, size: int) -> None:
        """Build the model around the networks of ``work``."""
        from transformers import DPRConfig, DPRQuestionEncoder, RagConfig, RagSequenceForGeneration

        self.work, self.k, self.size = work, k, size
        bert, bart = work.models.prior.model[0].auto_model, work.models.generator.model
        question = DPRQuestionEncoder(DPRConfig(**bert.config.to_dict()))
        question.question_encoder.bert_model.load_state_dict(bert.state_dict(), strict=False)
        config = RagConfig.from_question_encoder_generator_configs(question.config, bart.config, n_docs=k)
        generator = type(bart)(bart.config)
        generator.load_state_dict(bart.state_dict())
        self.model = RagSequenceForGeneration(config=config, question_encoder=question, generator=generator).eval()
        nn.Module.to(self.model, work.models.prior.device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.0, fused=True)

    def __call__(self, turn: int) -> None:
        """Take the step on batch ``turn``."""
        models, kb = self.work.models, self.work.kb
        batch, device = self.work.batch(turn, self.size), models.prior.device
        questions = models.prior.model.preprocess([case.x for case in batch])
        with autocast(models.prior.dtype, device):
            e_x: Tensor = self.model.question_encoder(
                questions["input_ids"].to(device), attention_mask=questions["attention_mask"].to(device)
            )[0].float()
        _, best = kb.search(e_x, self.k)
        scores = torch.einsum("bkd,bd->bk", kb.vectors[best].to(device), e_x)
        tokenizer = models.generator.tokenizer
        texts = [
            f"{kb.passages[i].title} / {kb.passages[i].text} // {case.x}"
            for case, row in zip(batch, best.tolist(), strict=True)
            for i in row
        ]
        options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
        prompts = tokenizer(texts, max_length=LONGEST, **options).to(device)
        labels = tokenizer([case.y for case in batch], padding=True, return_tensors="pt").to(device)
        with autocast(models.generator.dtype, device):
            out: Any = self.model(
                context_input_ids=prompts["input_ids"],
                context_attention_mask=prompts["attention_mask"],
                doc_scores=scores,
                labels=labels["input_ids"],
                n_docs=self.k,
                use_cache=False,
            )
        out.loss.mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def _make(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer, models
    from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration, BertConfig, BertModel

    torch.manual_seed(0)
    small = SentenceTransformer(resolve("all-MiniLM-L6-v2", "encoder"), device="cpu")
    BertModel(BertConfig()).save_pretrained(folder / "bert")
    small.tokenizer.save_pretrained(folder / "bert")
    inner = models.Transformer(str(folder / "bert"), max_seq_length=256)
    pooling = models.Pooling(768, pooling_mode="cls")
    SentenceTransformer(modules=[inner, pooling], device="cpu").save(str(folder / "encoder"))
    default = load_generator(GeneratorConfig(), torch.device("cpu")).tokenizer
    default.save_pretrained(folder / "generator")
    AutoTokenizer.from_pretrained(folder / "generator")
    config = BartConfig(
        d_model=768,
        encoder_layers=6,
        decoder_layers=6,
        encoder_attention_heads=12,
        decoder_attention_heads=12,
        encoder_ffn_dim=3072,
        decoder_ffn_dim=3072,
        pad_token_id=default.pad_token_id,
        bos_token_id=default.bos_token_id,
        eos_token_id=default.eos_token_id,
        decoder_start_token_id=default.eos_token_id,
        forced_eos_token_id=default.eos_token_id,
    )
    BartForConditionalGeneration(config).save_pretrained(folder / "generator")
