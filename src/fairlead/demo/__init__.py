"""`fairlead demo`: the real daemon against both sandboxes, a lively half minute, and a verdict.

`play` runs it, `traffic` is what people do meanwhile, `verdict` judges by the sandboxes' audit logs
alone, `telling` prints.
"""

from fairlead.demo.play import run_demo

__all__ = ["run_demo"]
