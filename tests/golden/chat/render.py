"""Jinja2 3.1.6 as transformers 5.23 sets it up, at a fixed time."""
import datetime as dt
import os

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
from transformers.utils import chat_template_utils as utils

NOW = 1764085507  # 2025-11-25 15:45:07 UTC


class Clock:
    @staticmethod
    def now():
        return dt.datetime.fromtimestamp(NOW, dt.timezone.utc).replace(tzinfo=None)


utils.datetime = Clock


def render(template, messages, tools=None, add_generation_prompt=False, generation=False, variables=None):
    """The text, or {"error": what}; with `generation` also what transformers' tracker of {% generation %} says."""
    try:
        texts, marks = utils.render_jinja_template([messages], tools=tools, chat_template=template, add_generation_prompt=add_generation_prompt,
                                                   return_assistant_tokens_mask=generation, **(variables or {}))
    except Exception as error:  # whatever a template does wrong
        result = {"error": f"{type(error).__name__}: {error}"}
        return (result, []) if generation else result
    return (texts[0], marks[0]) if generation else texts[0]
