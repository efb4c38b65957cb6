#!/usr/bin/env python3
"""The peer's side of the training bench: transformers (and peft for LoRA) doing the steps that graft does, in one process; one JSON line on stdout.

  train_step.py --model {vit_b16,resnet50,mobilenet_v2_0.35,bert_base,llama_135m,yolos_tiny,rt_detr_v2_r18} --mode {full,head,lora} --batch N --steps N [--warmup N] --dtype {float32,bfloat16}
                [--bfloat16 {autocast,pure}] [--device {cpu,cuda}] --threads N [--channels-last] [--fused] [--image-size N] [--length N] [--classes N] [--checkpoint DIR]
  train_step.py --model M --make-checkpoint DIR     writes the random model, so that both sides can load the same file

head: only the classifier learns (of llama_135m: the final norm and the output matrix). lora: rank 8 (llama_135m: 16), alpha 16, no dropout, on q and v of the ViT and of BERT, on every linear layer of
the Llama, on every convolution of ResNet-50, on the 1x1 convolutions of MobileNetV2, and
the classifier learns, too (the Llama has none). llama_135m has the shape of SmolLM2-135M and learns the next token of every one. Everything runs in train mode, as the peer's own trainer does. Pixels and tokens are random tensors made before the first step, so that no data
loading is measured.

Fields: start_s from the start of the process (as the kernel notes it) to the beginning of the first warmup step; warmup_s and steps_s, seconds of each step; rss_before_kib
resident memory then, and peak_rss_kib afterwards (VmHWM; ru_maxrss_kib may carry the peak of the process that launched this one).
"""
import argparse
import json
import os
import resource
import sys
import time


DETECTORS = ("yolos_tiny", "rt_detr_v2_r18")
OBJECTS = 6  # in a picture
TEXTS = {"bert_base": 128, "llama_135m": 256}


def seconds_since_start():
    with open("/proc/self/stat") as f:
        started = int(f.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def status_kib(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {field}")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", choices=["vit_b16", "resnet50", "mobilenet_v2_0.35", "bert_base", "llama_135m", *DETECTORS], required=True)
    p.add_argument("--mode", choices=["full", "head", "lora"], default="full")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--warmup", type=int, default=1)
    p.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    p.add_argument("--bfloat16", choices=["autocast", "pure"], default="autocast", help="how --dtype bfloat16 is done")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--fused", action="store_true")
    p.add_argument("--image-size", type=int, default=224)
    p.add_argument("--length", type=int, help="tokens of a text; default: 128 of bert_base, 256 of llama_135m")
    p.add_argument("--classes", type=int, default=10)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--checkpoint", help="folder to load instead of a random model")
    p.add_argument("--make-checkpoint", metavar="DIR")
    args = p.parse_args()
    if args.batch < 1 or args.steps < 1 or args.warmup < 0 or args.threads < 1:
        p.error("--batch, --steps and --threads must be at least 1, --warmup at least 0")
    return args


def family(args):
    import transformers as hf

    if args.model == "llama_135m":
        return hf.LlamaForCausalLM, hf.LlamaConfig(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                                                   num_key_value_heads=3, max_position_embeddings=8192, tie_word_embeddings=True, rms_norm_eps=1e-5, rope_theta=100000.0)
    common = {"num_labels": args.classes}
    if args.model == "yolos_tiny":
        return hf.YolosForObjectDetection, hf.YolosConfig(hidden_size=192, num_attention_heads=3, intermediate_size=768, image_size=[args.image_size, args.image_size],
                                                          use_mid_position_embeddings=False, **common)
    if args.model == "rt_detr_v2_r18":
        body = hf.RTDetrResNetConfig(depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], layer_type="basic", out_features=["stage2", "stage3", "stage4"])
        return hf.RTDetrV2ForObjectDetection, hf.RTDetrV2Config(backbone_config=body, encoder_in_channels=[128, 256, 512], hidden_expansion=0.5, decoder_layers=3,
                                                                anchor_image_size=None, **common)
    if args.model == "bert_base":
        return hf.BertForSequenceClassification, hf.BertConfig(**common)
    if args.model == "vit_b16":
        return hf.ViTForImageClassification, hf.ViTConfig(image_size=args.image_size, **common)
    if args.model == "resnet50":
        return hf.ResNetForImageClassification, hf.ResNetConfig(**common)
    return hf.MobileNetV2ForImageClassification, hf.MobileNetV2Config(depth_multiplier=0.35, classifier_dropout_prob=0.2, image_size=args.image_size, **common)


def build(args):
    cls, config = family(args)
    kwargs = {"attn_implementation": "sdpa"} if args.model in ("vit_b16", *TEXTS) else {}
    if args.checkpoint:
        return cls.from_pretrained(args.checkpoint, **kwargs)
    return cls._from_config(config, **kwargs)


def choose_trainable(model, args):
    if args.mode == "head":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(("classifier", "lm_head", "model.norm")))
        if args.model == "llama_135m":  # a head that shares the embedding's matrix learns as a copy of it, on both sides
            model.config.tie_word_embeddings = False
            import torch

            model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
            model.model.embed_tokens.weight.requires_grad_(False)
    if args.mode != "lora":
        return model
    import peft

    targets = {
        "vit_b16": ["q_proj", "v_proj"],
        "resnet50": ["convolution"],
        "bert_base": ["query", "value"],
        "llama_135m": "all-linear",
        "mobilenet_v2_0.35": r".*(expand_1x1|reduce_1x1|conv_1x1)\.convolution",
    }[args.model]
    language = args.model == "llama_135m"
    config = peft.LoraConfig(r=16 if language else 8, lora_alpha=16, target_modules=targets, modules_to_save=None if language else ["classifier"],
                             task_type="CAUSAL_LM" if language else None)
    model = peft.get_peft_model(model, config)
    # transformers' MobileNetV2 reads these of its convolutions to pad them, and peft's wrapper (0.21) does not pass them on.
    for module in model.modules():
        if isinstance(module, peft.tuners.lora.Conv2d):
            for attribute in ("stride", "kernel_size", "dilation"):
                setattr(module, attribute, getattr(module.get_base_layer(), attribute))
    return model


def settle_statistics(torch, model, args):
    """Running statistics of a random model are 0 and 1: where the norms are frozen, its activations and gradients shrink from layer to layer until they are denormal numbers,
    which are computed a hundred times more slowly. Those of a trained model fit its activations, and so shall these."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # the plain mean over the passes
    model.train()
    with torch.no_grad():
        for _ in range(4 if norms else 0):
            model(pixel_values=torch.randn(args.batch, 3, args.image_size, args.image_size))
    for m, momentum in zip(norms, momenta):
        m.momentum = momentum


def main():
    args = arguments()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(args.threads)
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model = build(args)
    if args.make_checkpoint:
        settle_statistics(torch, model, args)
        model.save_pretrained(args.make_checkpoint)
        return 0
    model = choose_trainable(model, args)
    pure = args.dtype == "bfloat16" and args.bfloat16 == "pure"
    autocast = args.dtype == "bfloat16" and not pure
    if pure:
        model = model.to(torch.bfloat16)
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    if args.channels_last:
        model = model.to(memory_format=layout)
    model.to(args.device)
    model.train()
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-4, weight_decay=0.01, fused=True if args.fused else None)
    if args.model in DETECTORS:
        pixels = torch.randn(args.batch, 3, args.image_size, args.image_size, dtype=torch.bfloat16 if pure else torch.float32).to(memory_format=layout)
        boxes = lambda: torch.cat([0.3 + 0.4 * torch.rand(OBJECTS, 2), 0.1 + 0.4 * torch.rand(OBJECTS, 2)], 1)
        inputs = {"pixel_values": pixels, "labels": [{"class_labels": torch.randint(0, args.classes, (OBJECTS,)), "boxes": boxes()} for _ in range(args.batch)]}
    elif args.model in TEXTS:
        ids = torch.randint(5, model.config.vocab_size, (args.batch, args.length or TEXTS[args.model]))
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids if args.model == "llama_135m" else torch.randint(0, args.classes, (args.batch,))}
    else:
        pixels = torch.randn(args.batch, 3, args.image_size, args.image_size, dtype=torch.bfloat16 if pure else torch.float32).to(memory_format=layout)
        inputs = {"pixel_values": pixels, "labels": torch.randint(0, args.classes, (args.batch,))}

    inputs = torch.utils._pytree.tree_map(lambda tensor: tensor.to(args.device), inputs)

    def step():
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(args.device, dtype=torch.bfloat16, enabled=autocast):
            loss = model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)  # as their Trainer does by default, and graft
        optimizer.step()
        value = loss.item()
        if args.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begin, value

    rss_before = status_kib("VmRSS")
    start_s = seconds_since_start()
    results = [step() for _ in range(args.warmup)]
    cpu_before = time.process_time()
    results += [step() for _ in range(args.steps)]
    cpu_s = (time.process_time() - cpu_before) / args.steps
    timings, losses = zip(*results)
    print(json.dumps({
        "side": "transformers" + ("+peft" if args.mode == "lora" else ""),
        "model": args.model, "mode": args.mode, "batch": args.batch, "image_size": args.image_size, "classes": args.classes,
        "dtype": args.dtype + (f"-{args.bfloat16}" if args.dtype == "bfloat16" else ""), "threads": args.threads,
        "channels_last": args.channels_last, "fused": args.fused, "device": args.device,
        **({"step_peak_tensor_kib": torch.cuda.max_memory_allocated() // 1024} if args.device == "cuda" else {}),
        "parameters": sum(p.numel() for p in model.parameters()), "trainable": sum(p.numel() for p in trainable),
        "start_s": round(start_s, 4), "warmup_s": [round(t, 5) for t in timings[:args.warmup]], "steps_s": [round(t, 5) for t in timings[args.warmup:]],
        "step_cpu_s": round(cpu_s, 5), "rss_before_kib": rss_before, "peak_rss_kib": status_kib("VmHWM"), "ru_maxrss_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "losses": [round(v, 5) for v in losses],
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, **({"peft": sys.modules["peft"].__version__} if args.mode == "lora" else {})},
    }))
    return 0


if __name__ == "__main__":
    sys.exit(main())
