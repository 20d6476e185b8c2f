import subprocess
import sys

import pytest

from model_experiment.cli.main import main


def test_the_command_line_loads_what_a_command_needs_only_when_it_is_called():
    heavy = "{'grpc', 'kopf', 'kubernetes', 'numpy', 'sqlalchemy'}"
    script = f"import sys, model_experiment.cli.main; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["--help"], 0, "counts exposures, requests and outcomes", id="help names the commands"),
        pytest.param(["collector", "--help"], 0, "--als-address", id="help of a command names its flags"),
        pytest.param([], 2, "the following arguments are required: COMMAND", id="no command"),
        pytest.param(["colector"], 2, "invalid choice: 'colector'", id="a misspelt command"),
        pytest.param(["collector", "--port", "1"], 2, "unrecognized arguments: --port", id="an unknown flag"),
    ],
)
def test_the_command_line_explains_itself(capsys, arguments, code, told):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    written = capsys.readouterr()
    assert ended.value.code == code
    assert told in written.out + written.err


def test_wrong_settings_end_with_2_and_one_line(capsys):
    assert main(["collector", "--log-level", "loud"]) == 2
    assert capsys.readouterr().err == (
        "mexp collector: log-level must be one of DEBUG, INFO, WARNING, ERROR, found 'loud'\n"
    )
