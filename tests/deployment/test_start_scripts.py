"""The start scripts of the example services, run with stand-ins for the programs they start."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

DEPLOYMENT = Path(__file__).parents[2] / "deployment"
SCRIPTS = sorted(DEPLOYMENT.rglob("*.sh"))
PATIENCE = 30.0

SERVER = """\
#!/bin/sh
trap 'echo "asked to end"; echo "last line"; exit 7' TERM
echo "serving $*"
printf '\\rload 1\\rload 2\\n'
echo "sees GPU $CUDA_VISIBLE_DEVICES" >&2
while :; do sleep 0.05; done
"""
"""Serves until it is told to end."""
BROKEN = "#!/bin/sh\necho 'out of memory'\nexit 3\n"


class Script:
    """A start script, stand-ins on its PATH, its logs in a directory that is not there yet."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = DEPLOYMENT / path
        self.bin = root / "bin"
        self.bin.mkdir()
        (self.bin / "run-logged.sh").symlink_to(DEPLOYMENT / "run-logged.sh")
        self.logs = root / "not there yet" / "logs"
        self.said = root / "said"

    def stand_in(self, name: str, program: str) -> None:
        (self.bin / name).write_text(program)
        (self.bin / name).chmod(0o755)

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        path = f"{self.bin}:{os.environ['PATH']}"
        with self.said.open("wb") as said:
            return subprocess.Popen(
                [str(self.path), *arguments],
                env={"PATH": path, "LOG_DIR": str(self.logs), **settings},
                stdout=said,
                stderr=said,
            )

    def await_text(self, text: str, times: int = 1) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.said.read_text().count(text) < times:
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.02)

    def stop(self, process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
        process.send_signal(number)
        return process.wait(PATIENCE)

    def log(self, pattern: str) -> str:
        (path,) = (path for path in self.logs.iterdir() if re.fullmatch(pattern, path.name))
        return path.read_bytes().decode()


@pytest.fixture
def vllm(tmp_path: Path) -> Script:
    script = Script(tmp_path, "serving/start-vllm.sh")
    script.stand_in("vllm", SERVER)
    return script


@pytest.fixture
def mlflow(tmp_path: Path) -> Script:
    script = Script(tmp_path, "mlflow/start-mlflow.sh")
    script.stand_in("mlflow", SERVER)
    return script


@pytest.fixture
def train(tmp_path: Path) -> Script:
    script = Script(tmp_path, "train/start-train.sh")
    script.stand_in("job", SERVER)
    return script


BOTH = {"MODEL_1_ENABLED": "true", "MODEL_1_PATH": "/m/large", "MODEL_2_ENABLED": "true", "MODEL_2_PATH": "/m/small"}


def test_each_model_has_its_log_its_prefix_and_its_gpu(vllm):
    running = vllm.start(
        **BOTH, MODEL_2_GPU="3", MODEL_2_PORT="9001", MODEL_2_MAX_LEN="512", MODEL_2_ARGS="--dtype half"
    )
    vllm.await_text("sees GPU", 2)
    assert vllm.stop(running) == 143
    options = "--host 0.0.0.0 --port {} --gpu-memory-utilization 0.9 --max-model-len {}"
    for number, path, gpu, rest in (
        (1, "/m/large", "0", options.format(8000, 4096)),
        (2, "/m/small", "3", options.format(9001, 512) + " --dtype half"),
    ):
        log = vllm.log(rf"model{number}_\d{{8}}_\d{{6}}\.log")
        prefix = f"[Model{number}] "
        said = [f"serving serve {path} {rest}", "\rload 1\rload 2", f"sees GPU {gpu}", "asked to end", "last line"]
        assert log.split("\n") == [*(prefix + line for line in said), ""]
        printed = vllm.said.read_bytes().decode().split("\n")
        assert [line for line in printed if line.startswith(prefix)] == log.split("\n")[:-1]


def test_a_model_that_is_not_enabled_is_not_started(vllm):
    running = vllm.start(MODEL_1_ENABLED="true", MODEL_1_PATH="/m", MODEL_2_PATH="/n")
    vllm.await_text("sees GPU")
    vllm.stop(running)
    assert [path.name[:7] for path in vllm.logs.iterdir()] == ["model1_"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "no model is enabled: set MODEL_1_ENABLED=true and MODEL_1_PATH in docker/.env"),
        ({"MODEL_2_ENABLED": "true"}, "MODEL_2_ENABLED is true and MODEL_2_PATH is empty: set it to a directory or a"),
    ],
)
def test_a_wrong_setting_is_told_and_ends_with_2(vllm, settings, told):
    assert vllm.start(**settings).wait(PATIENCE) == 2
    assert told in vllm.said.read_text()


def test_a_model_that_ends_ends_the_others_and_gives_its_status(vllm):
    vllm.stand_in("vllm", '#!/bin/sh\ncase "$2" in /m/small) exec false-model;; esac\n' + SERVER.split("\n", 1)[1])
    vllm.stand_in("false-model", BROKEN)
    assert vllm.start(**BOTH).wait(PATIENCE) == 3
    assert vllm.log(r"model2_.*").endswith("[Model2] out of memory\n")
    assert "a model has ended with status 3" in vllm.said.read_text()


def test_mlflow_has_a_log_for_each_start_and_a_link_to_the_newest(mlflow):
    mlflow.logs.mkdir(parents=True)
    (mlflow.logs / "mlflow_20260101_000000.log").write_text("an earlier start\n")
    (mlflow.logs / "mlflow.log").symlink_to("mlflow_20260101_000000.log")
    running = mlflow.start(ARTIFACT_ROOT="s3://mlflow/", MLFLOW_ARGS="--workers 2")
    mlflow.await_text("sees GPU")
    assert mlflow.stop(running) == 7
    newest = (mlflow.logs / "mlflow.log").readlink()
    assert re.fullmatch(r"mlflow_\d{8}_\d{6}\.log", str(newest))
    assert sorted(path.name for path in mlflow.logs.iterdir()) == sorted(
        ["mlflow_20260101_000000.log", "mlflow.log", str(newest)]
    )
    log = (mlflow.logs / newest).read_text()
    assert log == mlflow.said.read_text()
    assert log.startswith("serving server --host 0.0.0.0 --port 5050 --backend-store-uri sqlite:////tmp/mlflow.db ")
    assert "--artifacts-destination s3://mlflow/ --workers 2\n" in log
    assert log.endswith("asked to end\nlast line\n")


def test_a_server_that_does_not_start_gives_its_status(mlflow):
    mlflow.stand_in("mlflow", BROKEN)
    assert mlflow.start().wait(PATIENCE) == 3
    assert mlflow.log(r"mlflow_\d.*") == "out of memory\n"


def test_a_training_job_is_carried_into_its_log_and_told_to_end(train):
    running = train.start("job", "--epochs", "3")
    train.await_text("sees GPU")
    assert train.stop(running) == 7
    log = train.log(r"train_\d{8}_\d{6}\.log")
    assert log == "serving --epochs 3\n\rload 1\rload 2\nsees GPU \nasked to end\nlast line\n"
    assert train.start().wait(PATIENCE) == 2


def test_a_signal_that_comes_before_the_command_is_passed_on_to_it(train):
    """Whenever it comes, the job ends and what it printed is written."""
    for delay in (0.0, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024):
        train.stand_in("job", "#!/bin/sh\necho started\nexec sleep 60\n")
        running = train.start("job")
        time.sleep(delay)
        assert train.stop(running) in (143, -signal.SIGTERM)


def test_shellcheck_has_nothing_to_say():
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        if os.environ.get("CI") == "true":
            pytest.fail("shellcheck is missing: apt-get install shellcheck")
        pytest.skip("needs shellcheck: apt-get install shellcheck")
    own = sorted(Path(__file__).parents[2].joinpath("scripts").glob("*.sh"))
    assert len(SCRIPTS) == 4
    checked = subprocess.run(
        [shellcheck, "--severity=warning", *SCRIPTS, *own], capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""
