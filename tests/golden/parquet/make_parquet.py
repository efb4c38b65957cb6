"""Parquet files as Hugging Face's datasets and pandas write them, and their rows as graft gives them.

    .deps/oracles/bin/python tests/golden/parquet/make_parquet.py

rows.json has for each file the list of its rows: those are the objects that JSON lines of the same data would have.
"""

import datetime
import decimal
import io
import json
import pathlib
import shutil

import numpy
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
rows = {}


def features(described):
    return {"huggingface": json.dumps({"info": {"features": described}})}


def write(name, columns, expected, metadata=None, **options):
    """Writes a table, and keeps what graft must read; rows are cut into groups of two."""
    table = pa.table(columns)
    if metadata:
        table = table.replace_schema_metadata(metadata)
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=options.pop("row_group_size", 2), **options)
    rows[name] = expected


def records(columns):
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def reviews():
    """A data set to classify, in shards; -1 is no class."""
    label = features({"text": {"dtype": "string", "_type": "Value"},
                      "label": {"names": ["neg", "pos"], "_type": "ClassLabel"}})
    names = {-1: None, 0: "neg", 1: "pos"}
    shards = {
        "train-00000-of-00002": (["a fine film", "dull", "not bad — \"good\""], [1, 0, 1]),
        "train-00001-of-00002": (["again", "naïve Ω 日本"], [0, 1]),
        "validation-00000-of-00001": (["so so", "great"], [0, 1]),
        "test-00000-of-00001": (["who knows", "nobody"], [-1, -1]),
    }
    for name, (texts, labels) in shards.items():
        write(f"reviews/data/{name}.parquet",
              {"text": pa.array(texts), "label": pa.array(labels, pa.int64())},
              records({"text": texts, "label": [names[l] for l in labels]}), label)


def types():
    """Every type that a column of records may have, with and without values."""
    utc = datetime.timezone.utc
    columns = {
        "bool": (pa.array([True, None, False]), [True, None, False]),
        "int8": (pa.array([-7, 0, None], pa.int8()), [-7, 0, None]),
        "uint64": (pa.array([2**64 - 1, 0, None], pa.uint64()), [2**64 - 1, 0, None]),
        "float": (pa.array([0.1, float("nan"), None], pa.float32()), [0.1, None, None]),
        "double": (pa.array([0.1, -2.5e300, None]), [0.1, -2.5e300, None]),
        "string": (pa.array(["a", "", None]), ["a", "", None]),
        "large": (pa.array(["ä" * 300, "b", None], pa.large_string()), ["ä" * 300, "b", None]),
        "view": (pa.array(["short", "a string longer than twelve bytes", None], pa.string_view()),
                 ["short", "a string longer than twelve bytes", None]),
        "coded": (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        "list": (pa.array([[1, 2], [], None]), [[1, 2], [], None]),
        "nested": (pa.array([[["a"], []], [], None]), [[["a"], []], [], None]),
        "fixed": (pa.array([[1, 2], [3, 4], None], pa.list_(pa.int32(), 2)), [[1, 2], [3, 4], None]),
        "struct": (pa.array([{"a": 1, "b": None}, {"a": None, "b": "x"}, None],
                            pa.struct([("a", pa.int32()), ("b", pa.string())])),
                   [{"a": 1}, {"b": "x"}, None]),
        "map": (pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
                [{"k": 1}, {}, None]),
        "time": (pa.array([datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=utc), None, None]),
                 ["2024-05-06 07:08:09.000000Z", None, None]),
        "day": (pa.array([datetime.date(2024, 5, 6), None, None]), ["2024-05-06", None, None]),
        "decimal": (pa.array([decimal.Decimal("1.50"), None, None]), ["1.50", None, None]),
        "nothing": (pa.nulls(3), [None, None, None]),
    }
    codecs = ["snappy", "gzip", "zstd", "brotli", "lz4", "none"]
    write("types.parquet", {k: v[0] for k, v in columns.items()},
          records({k: v[1] for k, v in columns.items()}),
          compression={k: codecs[i % len(codecs)] for i, k in enumerate(columns)})


def tags():
    """Classes within lists, and within a sequence of structs, which is stored as a struct of lists."""
    names = ["O", "B-PER", "I-PER"]
    classes = {"names": names, "_type": "ClassLabel"}
    numbers = [[0, 1, 2], [1]]
    named = [[names[t] for t in row] for row in numbers]
    write("tags.parquet",
          {"tokens": pa.array([["Hi", "Ada", "Byron"], ["Ada"]]), "ner_tags": pa.array(numbers),
           "spans": pa.array([{"kind": [1], "text": ["Ada Byron"]}, {"kind": [], "text": []}])},
          records({"tokens": [["Hi", "Ada", "Byron"], ["Ada"]], "ner_tags": named,
                   "spans": [{"kind": ["B-PER"], "text": ["Ada Byron"]}, {"kind": [], "text": []}]}),
          features({"tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
                    "ner_tags": {"feature": classes, "_type": "List"},
                    "spans": {"feature": {"kind": classes, "text": {"dtype": "string", "_type": "Value"}},
                              "_type": "Sequence"}}))


def language():
    """Records of language models: conversations with fields that only some messages have, and others."""
    message = pa.struct([("role", pa.string()), ("content", pa.string()), ("weight", pa.int64())])
    talks = [[{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi", "weight": 0},
              {"role": "user", "content": "bye"}, {"role": "assistant", "content": "see you"}],
             [{"role": "user", "content": "1+1"}, {"role": "assistant", "content": "2"}]]
    write("messages.parquet", {"messages": pa.array(talks, pa.list_(message)), "source": ["a", "b"]},
          records({"messages": talks, "source": ["a", "b"]}))
    prompts, completions = ["Q: 1\nA:", "Q: 2\nA:"], [" one", " two"]
    for name, columns in {
        "completions": {"prompt": prompts, "completion": completions},
        "preferences": {"prompt": prompts, "chosen": completions, "rejected": [" no", " never"]},
        "texts": {"text": ["Once upon a time", "there was"]},
    }.items():
        write(f"{name}.parquet", columns, records(columns))


def pairs():
    """Two texts and a number, in single precision as GLUE's STS-B; an index as pandas writes it."""
    columns = {"sentence1": ["a dog", "a cat", "rain"], "sentence2": ["a hound", "a car", "sun"]}
    write("pairs.parquet", {**columns, "score": pa.array([4.2, 0.5, 1.0], pa.float32()),
                            "__index_level_0__": [5, 6, 7]},
          records({**columns, "score": [4.2, 0.5, 1.0]}))


def pictures():
    """Pictures as datasets embeds them; the pixels stand in pictures.json, not in rows.json."""
    files, colours = [], [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    for colour in colours:
        out = io.BytesIO()
        PIL.Image.fromarray(numpy.full((4, 6, 3), colour, numpy.uint8)).save(out, "PNG")
        files.append({"bytes": out.getvalue(), "path": "x.png"})
    table = pa.table({"image": files, "label": pa.array([1, 0, 1])}).replace_schema_metadata(
        features({"image": {"_type": "Image"}, "label": {"names": ["calm", "warm"], "_type": "ClassLabel"}}))
    pq.write_table(table, HERE / "pictures.parquet", row_group_size=2)
    (HERE / "pictures.json").write_text(json.dumps({"colours": colours, "labels": ["warm", "calm", "warm"]}) + "\n")


shutil.rmtree(HERE / "reviews", ignore_errors=True)
for make in (reviews, types, tags, language, pairs, pictures):
    make()
(HERE / "rows.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
