"""Fetches chat templates of published models from packages on PyPI: fetch_templates.py [folder (.deps/chat_templates)].

Source       licence of the package   templates
trl          Apache-2.0               trl/chat_templates
axolotl      Apache-2.0               axolotl/utils/chat_templates/templates
llama-cpp-python (holds llama.cpp)    MIT   vendor/llama.cpp/models/templates; an archive of 77 MB

Those of models that are themselves under Apache-2.0 or MIT are copied into templates/ with --keep (see templates/README.md); of the
others only digests of what they render are in the repository (digests.json)."""
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).parents[3]
PACKAGES = {"trl": ("trl==1.16.0", "trl/chat_templates/"), "axolotl": ("axolotl==0.19.0", "axolotl/utils/chat_templates/templates/"),
            "llamacpp": ("llama-cpp-python==0.3.36", "/vendor/llama.cpp/models/templates/")}
KEPT = """trl__qwen2_5 trl__qwen2_5_training trl__qwen3 trl__qwen3_training trl__qwen3_instruct_2507 trl__qwen3_5_think trl__deepseekv3
trl__deepseekv3_training trl__deepseek_r1_distill trl__glm4moe trl__glm4moe_training trl__gptoss trl__gptoss_training trl__phi3 trl__phi3_training
trl__phi3_5 axolotl__phi_4 trl__smolvlm trl__smolvlm_training axolotl__chatml axolotl__alpaca axolotl__mistral_v1 axolotl__mistral_v2v3
axolotl__mistral_v7_tekken llamacpp__HuggingFaceTB-SmolLM3-3B llamacpp__mistralai-Mistral-Nemo-Instruct-2407 llamacpp__Qwen-QwQ-32B
llamacpp__ibm-granite-granite-3.3-2B-Instruct""".split()


def members(archive):
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as package:
            yield from ((name, package.read(name)) for name in package.namelist() if name.endswith(".jinja"))
    else:
        with tarfile.open(archive) as package:
            yield from ((item.name, package.extractfile(item).read()) for item in package if item.name.endswith(".jinja"))


def main(out, keep):
    out.mkdir(parents=True, exist_ok=True)
    for source, (package, folder) in PACKAGES.items():
        with tempfile.TemporaryDirectory() as scratch:
            binary = ["--no-binary", ":all:"] if source == "llamacpp" else []
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *binary, "--dest", scratch, package], check=True)
            for archive in pathlib.Path(scratch).iterdir():
                for name, text in members(archive):
                    if folder in name:
                        (out / f"{source}__{pathlib.Path(name).name}").write_bytes(text)
    for name in KEPT if keep else []:
        (pathlib.Path(__file__).parent / "templates" / (name + ".jinja")).write_bytes((out / (name + ".jinja")).read_bytes())


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--keep"]
    main(pathlib.Path(words[0]) if words else ROOT / ".deps/chat_templates", "--keep" in sys.argv)
