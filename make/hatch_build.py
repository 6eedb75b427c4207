"""The hook of a wheel's build: with cargo it gets the Rust engine and the tag of one Python, or is `py3-none-any`."""

from __future__ import annotations

import sys
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ExtensionHook(BuildHookInterface[BuilderConfig]):
    """Called by pip and by `python -m build`, in the sources of a clone or of an sdist."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # type: ignore[explicit-override] # 3.12 has it
        """Adds the extension to a wheel; an editable installation gets its own by `make`.

        Raises `make.extension.BuildFailed`, and `make.cargo.NoCargo` where ``MOTIA_RUST=yes`` wants it.
        """
        if version == "editable":
            return
        sys.path.insert(0, self.root)  # the frontend starts us with the path of an empty environment
        from make import cargo, extension  # noqa: PLC0415 -- found now

        try:
            found = cargo.find()
        except cargo.NoCargo as why:
            if cargo.required():
                raise
            self.app.display_warning(f"this wheel has the pure engine alone, without Rust: {why}")
            return
        made = extension.build(found, "release")
        build_data["force_include"][str(made)] = f"motia_fast/_core{cargo.suffix()}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
