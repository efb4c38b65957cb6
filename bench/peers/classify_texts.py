#!/usr/bin/env python3
"""The peer's side of bench/real_texts.py: transformers' Trainer (and peft for LoRA) fine-tunes a text classifier and measures it; one process, one JSON line on stdout.

  classify_texts.py --model DIR --train FILE --test FILE --strategy {full,head,lora,layer-wise} [--epochs 3] [--lr 5e-5] [--seed 0] [--threads 2] [--device cpu]

FILE has a record {"text", "label"} a line. As the documentation of transformers shows it: AutoModelForSequenceClassification, batches of 8 padded to their longest text, AdamW with a
linearly falling rate, float32; what is not named here is Trainer's default, but no checkpoints are written and no bar is drawn.

head: the classifier alone. lora: peft, r 8, alpha 16, on query and value; the classifier learns, too. layer-wise: the classifier for a fifth of the steps, then one more layer below it
every fifth (Howard and Ruder 2018), which a callback does, for Trainer has nothing for it; layers that are frozen are not computed backwards.

Fields: start_s from the start of the process to the first read of data; prepare_s tokenizing; train_s Trainer.train(); evaluate_s Trainer.predict() of the test file; wall_s all of it.
"""
import argparse
import json
import os
import tempfile
import time

STAGES = 5


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--train", required=True)
    p.add_argument("--test", required=True)
    p.add_argument("--strategy", choices=["full", "head", "lora", "layer-wise"], required=True)
    p.add_argument("--epochs", type=float, default=3)
    p.add_argument("--lr", type=float, default=5e-5)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    return p.parse_args()


def seconds_since_start():
    with open("/proc/self/stat") as f:
        started = int(f.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def read(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def encode(records, tokenizer, classes):
    tokens = tokenizer([r["text"] for r in records], truncation=True)
    return [{**{key: values[i] for key, values in tokens.items()}, "labels": classes.index(r["label"])} for i, r in enumerate(records)]


def freeze(model, head_only):
    for parameter in model.base_model.parameters():
        parameter.requires_grad_(not head_only)


def unfreezing(transformers, model):
    """Stage s of the run trains the classifier and the s upper layers; with them the pooler, which lies between."""

    class Unfreezing(transformers.TrainerCallback):
        stage = -1

        def on_step_begin(self, args, state, control, **kwargs):
            stage = min(STAGES - 1, state.global_step * STAGES // state.max_steps)
            if stage == self.stage:
                return
            self.stage = stage
            # The optimizer knows every parameter; those without a gradient stay as they are.
            freeze(model, head_only=True)
            layers = model.base_model.encoder.layer
            above = list(layers[len(layers) - stage:]) if stage else []
            for module in [*above, *([model.base_model.pooler] if stage else [])]:
                for parameter in module.parameters():
                    parameter.requires_grad_(True)

    return Unfreezing()


def main():
    args = arguments()
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads))
    import torch
    import transformers

    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    transformers.set_seed(args.seed)
    start_s = seconds_since_start()
    train, test = read(args.train), read(args.test)
    classes = sorted({r["label"] for r in train})
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    begin = time.perf_counter()
    train, test = encode(train, tokenizer, classes), encode(test, tokenizer, classes)
    prepare_s = time.perf_counter() - begin

    model = transformers.AutoModelForSequenceClassification.from_pretrained(args.model, num_labels=len(classes), dtype=torch.float32)
    callbacks = []
    if args.strategy == "head":
        freeze(model, head_only=True)
    elif args.strategy == "layer-wise":
        callbacks.append(unfreezing(transformers, model))
    elif args.strategy == "lora":
        import peft

        model = peft.get_peft_model(model, peft.LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=["query", "value"]))
    with tempfile.TemporaryDirectory() as folder:
        settings = transformers.TrainingArguments(output_dir=folder, num_train_epochs=args.epochs, learning_rate=args.lr, seed=args.seed, use_cpu=args.device == "cpu", save_strategy="no", report_to="none",
                                                  disable_tqdm=True)
        trainer = transformers.Trainer(model=model, args=settings, train_dataset=train, processing_class=tokenizer, callbacks=callbacks)
        trainer.remove_callback(transformers.PrinterCallback)  # it prints the losses where the JSON line is expected
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        begin = time.perf_counter()
        trainer.train()
        train_s = time.perf_counter() - begin
        begin = time.perf_counter()
        said = trainer.predict(test)
        evaluate_s = time.perf_counter() - begin
    right = int((said.predictions.argmax(1) == said.label_ids).sum())
    print(json.dumps({
        "accuracy": right / len(test), "start_s": start_s, "prepare_s": prepare_s, "train_s": train_s, "evaluate_s": evaluate_s, "wall_s": seconds_since_start(),
        "trainable": trained, "versions": {"torch": torch.__version__, "transformers": transformers.__version__}}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
