"""Words that people know from other libraries, and what stands for them here."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "output_dir": "out",
    "run_name": "out",
    "logging_dir": "out",
    "num_train_epochs": "loop.epochs",
    "max_steps": "loop.steps",
    "per_device_train_batch_size": "loop.batch_size",
    "train_batch_size": "loop.batch_size",
    "gradient_accumulation_steps": "loop.accumulate",
    "eval_steps": "loop.eval_every",
    "save_steps": "loop.eval_every",
    "logging_steps": "loop.log_every",
    "report_to": "loop.report_to",
    "metric_for_best_model": "loop.monitor",
    "early_stopping_patience": "loop.patience",
    "learning_rate": "optim.lr_prior",
    "lr": "optim.lr_prior",
    "warmup_steps": "optim.warmup",
    "warmup_ratio": "optim.warmup",
    "lr_scheduler_type": "optim.schedule",
    "max_grad_norm": "optim.clip",
    "lora_r": "generator.lora.rank",
    "lora_rank": "generator.lora.rank",
    "lora_alpha": "generator.lora.alpha",
    "target_modules": "generator.lora.targets",
    "lora_target_modules": "generator.lora.targets",
    "gradient_checkpointing": "generator.checkpointing",
    "model_name_or_path": "generator.model",
    "max_seq_length": "generator.prompt.max_length",
    "train_file": "data.train",
    "validation_file": "data.dev",
    "test_file": "data.test",
    "max_train_samples": "data.limit",
    "resume_from_checkpoint": "resume",
    "top_k": "objective.k",
    "num_beams": "evaluation.decoding.beams",
    "top_p": "evaluation.decoding.top_p",
}
"""The option here by the name elsewhere."""

NOTES: dict[str, str] = {
    "warmup_steps": "a share of the run, such as 0.05",
    "train_batch_size": "of all processes together",
    "per_device_train_batch_size": "of all processes together",
    "run_name": "the run is named by its folder",
    "learning_rate": "each model has its own: optim.lr_posterior, optim.lr_generator",
    "lr": "each model has its own: optim.lr_posterior, optim.lr_generator",
    "model_name_or_path": "or encoder.model",
    "top_p": "with evaluation.decoding.search sample",
    "num_beams": "with evaluation.decoding.search beam",
}
"""What else has to be known of some of them."""

ABSENT: dict[str, str] = {
    "push_to_hub": "nothing is uploaded; use `hf upload NAME RUN` after training",
    "hub_model_id": "nothing is uploaded; use `hf upload NAME RUN` after training",
    "hub_token": "nothing is uploaded; the Hugging Face libraries read HF_TOKEN",
    "trust_remote_code": "code of a model repository is never run; use a model that transformers knows",
    "revision": "name as the model the folder that `hf download NAME --revision REVISION --local-dir FOLDER` makes",
    "bf16": "use generator.precision and encoder.precision",
    "fp16": "use generator.precision and encoder.precision",
    "lora_dropout": "adapters are trained without dropout",
    "save_total_limit": "the last checkpoint, the one before it and the best are kept",
}
"""Words that have no counterpart here, with what to do instead."""


def answer(word: str) -> str | None:
    """What to say to a word of another library, such as "here loop.accumulate"; None where the word is not known."""
    if word in ABSENT:
        return f"not an option here: {ABSENT[word]}"
    if word in WORDS:
        note = f" ({NOTES[word]})" if word in NOTES else ""
        return f"here {WORDS[word]}{note}"
    return None
