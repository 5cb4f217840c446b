"""Routes that cost little until somebody asks for their address."""

from collections.abc import Callable

from werkzeug.routing import Rule


class PatientRule(Rule):
    """A rule that learns to write its address when it is first asked to.

    Werkzeug writes and compiles two functions a rule for that, most of which no process ever calls:
    with three hundred rules a tenth of the time that the application takes to load.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def build(rule: Rule, **values: object) -> tuple[str, str]:
            compiled = super(PatientRule, self)._compile_builder(append_unknown).__get__(rule)
            setattr(rule, "_build_unknown" if append_unknown else "_build", compiled)
            return compiled(**values)  # type: ignore[no-any-return]

        return build
