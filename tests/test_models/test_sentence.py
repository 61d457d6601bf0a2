"""Encoders of many families and settings against sentence-transformers itself: the same vectors, the same order."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as T
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.testing import assert_close

from jsarag.kb import KnowledgeBase
from jsarag.models import EncoderConfig, GeneratorConfig, Pair, SentenceEncoder, load_encoder, load_generator, sentence
from jsarag.objectives import RagSequence
from jsarag.training.models import Models
from jsarag.training.step import TrainingCase, step
from jsarag.types import InputError, Passage
from tests import encoders

CPU = torch.device("cpu")
QUERIES = ["who is the keeper of the tower ?", "boat", "unbelievably , the red lamp answers", "how many tallies ?"]
TEXTS = [
    "the red lamp of the harbour is seven tallies .",
    "boat key",
    "Ada keeps the tower bell and answers with few words",
    "who is Tib ? a keeper of lamplighters",
    "green",
    "stoves in the harbour stores , blue and red",
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: encoders.save(name, tmp_path_factory.mktemp("encoder")) for name in encoders.MADE}


def load(path: Path, **options: object) -> SentenceEncoder:
    given: dict[str, object] = {"passage": "{text}", "precision": "fp32"} | options
    return load_encoder(EncoderConfig(model=str(path), **given), CPU)  # type: ignore[arg-type]


def passages(texts: list[str]) -> list[Passage]:
    return [Passage(str(i), "", text) for i, text in enumerate(texts)]


def theirs(path: Path) -> SentenceTransformer:
    return SentenceTransformer(str(path), device="cpu", model_kwargs={"dtype": torch.float32}).float()


def near(ours: Tensor, reference: np.ndarray) -> None:
    assert_close(ours.detach(), torch.from_numpy(reference), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", encoders.MADE)
def test_vectors_and_their_order_are_those_of_sentence_transformers(name: str, folders: dict[str, Path]) -> None:
    encoder, reference = load(folders[name]), theirs(folders[name])
    e, h = reference.encode_query(QUERIES), reference.encode_document(TEXTS)
    assert encoder.dimensions == h.shape[1]
    with torch.inference_mode():
        near(encoder.embed_queries(QUERIES), e)
        near(encoder.embed_passages(passages(TEXTS)), h)
    ours = encoder.embed_queries(QUERIES)
    assert ours.requires_grad
    near(ours, e)
    near(encoder.embed_passages(passages(TEXTS)), h)
    near(encoder.embed_pairs(["who is"], ["Ada"]), reference.encode_query(["who is Ada"]))

    kb = KnowledgeBase.build(passages(TEXTS), encoder, "flat")
    scores, positions = kb.search(ours, len(TEXTS))
    expected = reference.similarity(e, h)
    assert_close(scores, expected.gather(1, positions), atol=1e-5, rtol=1e-5)
    assert_close(scores, expected.sort(descending=True).values, atol=1e-5, rtol=1e-5)
    probabilities = [[found.probability for found in row] for row in kb.retrieve(ours.detach(), 3, encoder.scale)]
    best = expected.sort(descending=True).values[:, :3]
    assert_close(torch.tensor(probabilities), (encoder.scale * best).softmax(-1), atol=1e-4, rtol=1e-4)


def test_gradients_are_those_of_the_models_own_forward_pass(folders: dict[str, Path]) -> None:
    for name in ("prompt not pooled", "truncated", "router", "last token, padded left"):
        encoder, reference = load(folders[name]), theirs(folders[name])
        torch.autograd.backward(encoder.embed_queries(QUERIES).pow(3).sum())
        features = reference.preprocess(QUERIES, prompt=reference.prompts["query"] or None, task="query")
        vectors = reference(features, task="query")["sentence_embedding"][:, : reference.truncate_dim]
        torch.autograd.backward(vectors.pow(3).sum())
        expected = {n: p.grad for n, p in reference.named_parameters() if p.grad is not None}
        found = {n: p.grad for n, p in encoder.model.named_parameters() if p.grad is not None}
        assert expected.keys() == found.keys()
        for weight, grad in expected.items():
            assert_close(found[weight], grad, atol=1e-4, rtol=1e-3)


LONG = " ".join(f"{number} tallies of lamp {letter}" for number in (1, 2, 3, 4) for letter in "abcdef")
LIMIT = 24


def read(encoder: SentenceEncoder, **inputs: list[str]) -> list[list[int]]:
    """The tokens that the encoder reads of some inputs, in their order."""
    seen: list[Tensor] = []

    def look(module: object, arguments: tuple[dict[str, Tensor]], keywords: object) -> None:
        ids, mask = arguments[0]["input_ids"], arguments[0]["attention_mask"]
        seen.extend(row[real.bool()] for row, real in zip(ids, mask, strict=True))

    hook = encoder.model.register_forward_pre_hook(look, with_kwargs=True)
    found = []
    with torch.no_grad():
        for row in zip(*inputs.values(), strict=True):
            given = dict(zip(inputs, row, strict=True))
            if "h" in given:
                encoder.embed_passages([Passage("1", *given["h"].split("|"))])
            elif "y" in given:
                encoder.embed_pairs([given["x"]], [given["y"]])
            else:
                encoder.embed_queries([given["x"]])
            found.append(seen.pop().tolist())
    hook.remove()
    return found


def cut(tokenizer: object, head: str, text: str, limit: int) -> list[int]:
    """By the characters each token stands for: ``head`` stays, then ``text`` loses its start."""
    whole = tokenizer(head + text, return_offsets_mapping=True)  # type: ignore[operator]
    ends = [end for _, end in whole["offset_mapping"]]
    start = next(i for i, end in enumerate(ends) if end > len(head))
    ids: list[int] = whole["input_ids"]
    assert len(ids) > limit
    return ids[:start] + ids[start + len(ids) - limit :]


@pytest.mark.parametrize("name", [name for name in encoders.BACKBONES if name not in ("chat", "byt5")])
def test_a_long_input_loses_its_start_and_keeps_prompt_template_and_output(name: str, folders: dict[str, Path]) -> None:
    encoder = load(
        folders[name],
        max_length=LIMIT,
        query="who is {input} ?",
        posterior="who is {input} : {output}",
        passage="{title} : {text}",
    )
    tokenizer = encoder.model.tokenizer
    prompt = encoders.PROMPTS["query"]
    assert read(encoder, x=[LONG, "Ada"]) == [
        cut(tokenizer, f"{prompt}who is ", f"{LONG} ?", LIMIT),
        tokenizer(f"{prompt}who is Ada ?")["input_ids"],
    ]
    expected = cut(tokenizer, f"{prompt}who is ", f"{LONG} : nine tallies", LIMIT)
    assert read(encoder, x=[LONG], y=["nine tallies"]) == [expected]
    expected = tokenizer(f"answer : tower : {LONG}", truncation=True, max_length=LIMIT)["input_ids"]
    assert read(encoder, h=[f"tower|{LONG}"]) == [expected]
    # As today where nothing stands before the input.
    bare = load(folders[name], max_length=LIMIT)
    bare.model.prompts = {}
    assert read(bare, x=[LONG]) == [cut(tokenizer, "", LONG, LIMIT)]
    reversed_ = load(folders[name], max_length=LIMIT, posterior="{output} : {input}")
    expected = cut(tokenizer, f"{prompt}nine tallies : ", LONG, LIMIT)
    assert read(reversed_, x=[LONG], y=["nine tallies"]) == [expected]
    # An output that leaves no room: of it the end stays.
    assert read(encoder, x=["boat"], y=[LONG]) == [cut(tokenizer, f"{prompt}who is ", f"boat : {LONG}", LIMIT)]


def test_a_long_input_in_a_chat_template_keeps_the_template(folders: dict[str, Path]) -> None:
    encoder = load(folders["chat"], max_length=40, query="who is {input} ?")
    tokenizer = encoder.model.tokenizer
    (ids,) = read(encoder, x=[LONG])
    words = tokenizer.decode(ids)
    assert len(ids) == 40
    assert words.startswith("<s>system : question : </s><s>user : who is")
    assert words.endswith("lamp f ?</s>answer :")


def test_a_long_input_of_a_tokenizer_without_places_is_cut_alike(folders: dict[str, Path]) -> None:
    encoder = load(folders["byt5"], max_length=40, query="who is {input} ?")
    (ids,) = read(encoder, x=[LONG])
    head, end = "question : who is ", " lamp f ?"
    words = encoder.model.tokenizer.decode(ids)
    assert len(ids) == 40
    assert words.startswith(head)
    assert words.endswith(f"{end}</s>")
    assert words == f"{head}{(LONG + ' ?')[len(head) - 39 :]}</s>"


def test_long_and_short_inputs_in_one_batch_do_not_change_each_other(folders: dict[str, Path]) -> None:
    for name in ("qwen3", "roberta", "t5", "prompt not pooled", "router"):
        encoder = load(folders[name], max_length=LIMIT)
        xs = [LONG, "boat", f"{LONG} who", "the red lamp of the harbour"]
        with torch.inference_mode():
            alone = torch.cat([encoder.embed_queries([x]) for x in xs])
            assert_close(encoder.embed_queries(xs), alone, atol=1e-5, rtol=1e-5)


def test_a_prompt_that_the_template_holds_is_not_added_again(folders: dict[str, Path]) -> None:
    for name in ("bert", "prompt not pooled", "chat", "static, half"):
        reference = theirs(folders[name])
        written = load(folders[name], query="question : {input}", passage="answer : {text}")
        without_space = load(folders[name], query="question :{input}")
        with torch.inference_mode():
            near(written.embed_queries(QUERIES), reference.encode_query(QUERIES))
            near(written.embed_passages(passages(TEXTS)), reference.encode_document(TEXTS))
            expected = reference.encode_query(QUERIES, prompt="question :")
            near(without_space.embed_queries(QUERIES), expected)
            # A question that happens to begin like the prompt is a question.
            asked = ["question : boat"]
            near(load(folders[name]).embed_queries(asked), reference.encode_query(asked))


def positions(encoder: SentenceEncoder) -> int | None:
    limits = [sentence.positions(reader.model) for reader in sentence.readers(encoder.model)]
    return min((limit for limit in limits if limit is not None), default=None)


@pytest.mark.parametrize("name", ["bert", "electra", "albert", "distilbert", "roberta", "xlm-roberta", "mpnet", "gpt2"])
def test_positions_are_the_most_tokens_that_a_table_has_room_for(name: str, folders: dict[str, Path]) -> None:
    encoder = load(folders[name])
    most = positions(encoder)
    assert most is not None
    inner = encoder.model[0].auto_model
    token = encoder.model.tokenizer("boat", add_special_tokens=False)["input_ids"][:1]
    inner(input_ids=torch.tensor([token * most]))
    with pytest.raises((IndexError, RuntimeError)):
        inner(input_ids=torch.tensor([token * (most + 1)]))
    # A text of any length can be read, and a wish for more is refused.
    encoder.embed_queries([LONG])
    encoder.embed_passages(passages([LONG]))
    assert len(read(encoder, x=[LONG])[0]) == most
    with pytest.raises(InputError, match=rf"encoder.max_length: expected at most the {most} tokens .* got {most + 1}"):
        load(folders[name], max_length=most + 1)
    assert load(folders[name], max_length=most).model.max_seq_length == most


def test_models_without_a_table_of_positions_have_no_limit(folders: dict[str, Path]) -> None:
    for name in ("modernbert", "deberta-v2", "qwen3", "t5", "static"):
        assert positions(load(folders[name])) is None
    assert load(folders["qwen3"], max_length=10_000).model.max_seq_length == 10_000
    with pytest.raises(InputError, match=r"encoder.max_length: expected null"):
        load(folders["static"], max_length=8)
    short = load(folders["static router"], max_length=8, passage="{title} {text}")
    assert len(read(short, h=[f"tower|{LONG}"])[0]) == 8
    assert short.fingerprint() != load(folders["static router"], passage="{title} {text}").fingerprint()


@pytest.mark.parametrize(
    ("config", "most"),
    [
        (T.BartConfig(max_position_embeddings=20), 20),
        (T.OPTConfig(max_position_embeddings=20), 20),
        (T.LongformerConfig(max_position_embeddings=20, attention_window=4), 18),
        (T.RoFormerConfig(max_position_embeddings=20), 20),
        (T.LlamaConfig(), None),
        (T.BloomConfig(), None),
        (T.DebertaV2Config(max_position_embeddings=20, position_biased_input=True), 20),
    ],
)
def test_positions_of_other_families(config: T.PreTrainedConfig, most: int | None) -> None:
    with torch.device("meta"):
        assert sentence.positions(T.AutoModel.from_config(config)) == most  # type: ignore[no-untyped-call]


def test_a_plain_model_is_compared_by_inner_product_and_an_old_one_by_cosine(
    encoder_model: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    plain = load(encoder_model)
    assert (plain.similarity, plain.scale) == ("dot", 1)
    assert (load(encoder_model, similarity="cosine").similarity, load(encoder_model, similarity="cosine").scale) == (
        "cosine",
        20,
    )
    # Files of before sentence-transformers 3 name no similarity.
    old = shutil.copytree(folders["bert"], tmp_path / "old")
    (old / "config_sentence_transformers.json").write_text('{"__version__": {"sentence_transformers": "2.0.0"}}')
    assert (load(old).similarity, load(old).scale) == ("cosine", 20)
    assert load(old, similarity="dot").scale == 1


def test_a_distance_is_refused_and_can_be_overruled(folders: dict[str, Path], tmp_path: Path) -> None:
    for name in ("euclidean", "manhattan"):
        model = theirs(folders["bert"])
        model.similarity_fn_name = name
        model.save(str(tmp_path / name), create_model_card=False)
        with pytest.raises(InputError, match=rf"encoder.model: .* compares vectors by {name}, expected cosine or dot"):
            load(tmp_path / name)
        assert load(tmp_path / name, similarity="dot").scale == 1
    with pytest.raises(InputError, match=r"encoder.similarity: expected cosine, dot or null"):
        EncoderConfig(similarity="maxsim")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "similarity", "scale"),
    [("cosine", "cosine", 20), ("inner product", "dot", 1), ("first token", "dot", 20), ("truncated", "cosine", 20)],
)
def test_scale_and_similarity_follow_the_model(
    name: str, similarity: str, scale: float, folders: dict[str, Path]
) -> None:
    encoder = load(folders[name])
    assert (encoder.similarity, encoder.scale) == (similarity, scale)


def test_the_training_softmax_is_that_of_the_models_similarity(folders: dict[str, Path], causal_model: Path) -> None:
    generator = load_generator(GeneratorConfig(model=str(causal_model), precision="fp32"), CPU)
    hs = passages(TEXTS)
    pair = TrainingCase("who is the keeper ?", "Ada")
    likelihood = torch.cat([generator.log_likelihood([Pair(pair.x, (h,), pair.y)]) for h in hs]).detach()
    for name in ("cosine", "inner product", "truncated", "router", "static router"):
        encoder, reference = load(folders[name], scale=3.0), theirs(folders[name])
        kb = KnowledgeBase.build(hs, encoder, "flat")
        for learned in (None, encoder.copy(), encoder):
            models = Models(encoder, encoder.copy(), generator, learned)
            objective = RagSequence(k=len(hs))
            outcome = step(models, kb, objective, [pair], torch.tensor([-1]), torch.Generator())
            similarity = reference.similarity(reference.encode_query([pair.x]), reference.encode_document(TEXTS))[0]
            expected = -((3.0 * similarity).log_softmax(-1) + likelihood).logsumexp(0)
            assert_close(outcome.loss.detach(), expected, atol=1e-4, rtol=1e-4)
            torch.autograd.backward(outcome.loss)
            parts = models.trained(["prior"])
            used = [weight for weights in parts.values() for weight in weights.values()]
            moved = [w for m in {encoder, learned} if m for w in m.parameters() if w.grad is not None]
            assert {id(w) for w in moved} <= {id(w) for w in used}
            for weight in moved:
                weight.grad = None


def test_of_a_router_each_side_trains_its_own_route(folders: dict[str, Path]) -> None:
    encoder = load(folders["router"])
    query, document = encoder.trained("query"), encoder.trained("document")
    assert all(".query." in name for name in query)
    assert all(".document." in name for name in document)
    assert len(query) + len(document) == len(encoder.trained())
    before = encoder.fingerprint()
    with torch.no_grad():
        next(iter(query.values())).add_(1)
    assert encoder.fingerprint() == before  # no passage's vector changed
    with torch.no_grad():
        next(iter(document.values())).add_(1)
    assert encoder.fingerprint() != before
    shared = load(folders["shared router"])
    ways = shared.model[0].sub_modules
    if ways["a"][0] is ways["b"][0]:
        assert set(map(id, shared.trained("document").values())) < set(map(id, shared.trained("query").values()))
    else:  # a module of two routes was saved twice
        assert version("sentence-transformers") < "6.2"


@pytest.mark.parametrize("name", ["bert", "t5", "static", "router", "static router", "dense", "qwen3"])
def test_copies_forget_and_come_back(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    encoder = load(folders[name])
    before = encoder.embed_queries(QUERIES).detach()
    other = encoder.copy()
    other.forget(77)
    random = other.embed_queries(QUERIES).detach()
    assert not torch.allclose(random, before, atol=1e-2)
    assert not torch.allclose(other.embed_passages(passages(TEXTS)), encoder.embed_passages(passages(TEXTS)), atol=1e-2)
    assert other.fingerprint() != encoder.fingerprint()
    assert_close(encoder.embed_queries(QUERIES).detach(), before)
    again = encoder.copy()
    again.forget(77)
    assert_close(again.embed_queries(QUERIES).detach(), random)
    # As a run keeps its weights: by name, into the model as it is loaded.
    save_file({n: w.detach().contiguous() for n, w in other.trained().items()}, tmp_path / "w.safetensors")
    fresh, kept = load(folders[name]), load_file(tmp_path / "w.safetensors")
    with torch.no_grad():
        for weight_name, weight in fresh.trained().items():
            weight.copy_(kept[weight_name])
    assert_close(fresh.embed_queries(QUERIES).detach(), random)
    assert fresh.fingerprint() == other.fingerprint()
    # As a model of sentence-transformers.
    other.model.save(str(tmp_path / "saved"), create_model_card=False)
    near(load(tmp_path / "saved").embed_queries(QUERIES), random.numpy())


def test_fingerprint_knows_all_that_changes_a_passages_vector(folders: dict[str, Path]) -> None:
    def fingerprint(**attributes: object) -> str:
        model = theirs(folders["bert"])
        for name, value in attributes.items():
            setattr(model, name, value)
        return SentenceEncoder(EncoderConfig(passage="{text}"), model, torch.float32).fingerprint()

    plain = fingerprint()
    assert plain == load(folders["bert"], query="who {input}").fingerprint()
    assert fingerprint(prompts={"query": "other", "document": encoders.PROMPTS["document"]}) == plain
    changed = [
        fingerprint(prompts={}),
        fingerprint(prompts={"document": "text : "}),
        fingerprint(similarity_fn_name="dot"),
        fingerprint(truncate_dim=4),
        fingerprint(max_seq_length=8),
    ]
    assert len({plain, *changed}) == 6


def test_a_number_that_is_not_finite_is_refused_by_name(folders: dict[str, Path], tmp_path: Path) -> None:
    encoder = load(folders["static"])
    kb = KnowledgeBase.build(passages(TEXTS), encoder, "flat")
    weight = encoder.model[0].embedding.weight
    lamp = encoder.model.tokenizer.encode("lamp", add_special_tokens=False).ids
    with torch.no_grad():
        weight[lamp[0]] = torch.inf
    with pytest.raises(InputError, match=r"^encoder.model: the vector of passage '0' is not finite$"):
        KnowledgeBase.build(passages(TEXTS), encoder)
    with pytest.raises(InputError, match=r"^encoder.model: the vector of input 2 of 2 is not finite$"):
        kb.search(encoder.embed_queries(["boat", "lamp"]), 2)
    encoder.model.save(str(tmp_path / "broken"), create_model_card=False)
    with pytest.raises(InputError, match=r"^encoder.model: .*broken holds a number that is not finite, in 0.embedding"):
        load(tmp_path / "broken")
    kb.vectors[3, 1] = torch.nan
    kb.save(tmp_path / "kb")
    with pytest.raises(InputError, match=r"vectors.safetensors: the vector of passage '3' is not finite"):
        KnowledgeBase.load(tmp_path / "kb")


def test_a_saved_index_knows_its_similarity(folders: dict[str, Path], tmp_path: Path) -> None:
    encoder = load(folders["cosine"])
    kb = KnowledgeBase.build(passages(TEXTS), encoder, "flat")
    kb.save(tmp_path / "kb")
    loaded = KnowledgeBase.load(tmp_path / "kb")
    queries = encoder.embed_queries(QUERIES).detach()
    assert loaded.similarity == "cosine"
    assert_close(loaded.search(queries, 3)[0], kb.search(queries, 3)[0])
