"""Bad files: each error has its place, what must be there, and what is."""

from pathlib import Path

import pytest

from tests.spec.test_errors import lines_of

RUN = "runs: {a: {}}\n"


BAD_FILES = {
    "empty file": ("", "runs.yaml:1:1: must be a mapping (got nothing)"),
    "list at the top": ("- a\n", "runs.yaml:1:1: must be a mapping (got a list)"),
    "word at the top": ("# x\nhello\n", "runs.yaml:2:1: must be a mapping (got 'hello')"),
    "no runs": ("name: x\n", "runs.yaml:1:1: the key 'runs' is missing"),
    "runs empty": ("runs: {}\n", "runs.yaml:1:7: runs: must not be empty (got a mapping)"),
    "tab": ("runs:\n\ta: {}\n", "runs.yaml:2:1: not valid YAML: a tab here; use spaces"),
    "indentation": (
        "runs:\n  a:\n    init: x\n   b: {}\n",
        "runs.yaml:4:4: not valid YAML: this does not fit the indentation or the lines above it",
    ),
    "open quote": (
        'runs:\n  a: "x\n\n',
        "runs.yaml:4:1: not valid YAML: a quote that is not closed; see line 2",
    ),
    "two colons": ("a: b: c\n", "runs.yaml:1:5: not valid YAML: a colon that cannot be here"),
    "no colon": ("runs:\n  a\n", "runs.yaml:2:3: runs: must be a mapping (got 'a')"),
    "no colon among others": (
        RUN + "seeds\n",
        "runs.yaml:3:1: not valid YAML: a line without a colon: give each key its `key: value`; see line 2",
    ),
    "key without end": (
        f"runs:\n  {'a' * 1_025}: {{}}\n",
        "runs.yaml:2:1028: not valid YAML: a colon after more than 1,024 characters: a key is shorter",
    ),
    "key without end in braces": (
        f"runs: {{{'a' * 1_025}: {{}}}}\n",
        "runs.yaml:1:1033: not valid YAML: a colon after more than 1,024 characters: a key is shorter",
    ),
    "brace not closed": (
        "runs: {a: {}\nseeds: [0]\n",
        "runs.yaml:2:1: not valid YAML: a comma, or the end of these brackets, is missing before this; see line 1",
    ),
    "text that begins with a sign": (
        "name: @x\n" + RUN,
        "runs.yaml:1:7: not valid YAML: a text that begins with this character needs quotes",
    ),
    "UTF-16": (RUN.encode("utf-16"), "runs.yaml:1:1: not UTF-8 text (byte 0xff): save it as UTF-8"),
    "null character": (RUN + "\0", "runs.yaml:2:1: a character that YAML does not allow (U+0000)"),
    "not UTF-8": (b"# \xc3\xa9\nname: \xff\n", "runs.yaml:2:7: not UTF-8 text (byte 0xff)"),
    "control character": (
        "# x\nna\x07me: x\n",
        "runs.yaml:2:3: a character that YAML does not allow (U+0007)",
    ),
    "escape beyond Unicode": (
        'name: "\\U00110000"\n' + RUN,
        "runs.yaml:1:10: not valid YAML: an escape beyond U+10FFFF",
    ),
    "escape of half a character": (
        'runs: {"a": {description: "x\\uD800"}}\n',
        "runs.yaml:1:27: an escape for a character that is not read here (U+D800)",
    ),
    "escape of a control character": (
        'runs: {"a\\e[31m": {}}\n',
        "runs.yaml:1:8: an escape for a character that is not read here (U+001B)",
    ),
    "number without end": (
        "defaults: {optimizer: {lr: 1e999}}\n" + RUN,
        "runs.yaml:1:28: defaults.optimizer.lr: must be a finite number (got 1e999)",
    ),
    "path without end": (
        f"runs: {{a: {{grid: {{{'.'.join('a' * 500)}: [1]}}}}}}\n",
        "runs.yaml:1:19: runs.a.grid.a.a.",
    ),
    "two documents": (
        "runs: {}\n---\nruns: {}\n",
        "runs.yaml:2:1: not valid YAML: a second document; a specification is one; see line 1",
    ),
    "anchor": (
        "runs: {a: &x {}, b: *x}\n",
        "runs.yaml:1:11: anchors and aliases are not read; share by `extends`",
    ),
    "merge key": ("runs: {a: {<<: {}}}\n", "runs.yaml:1:12: runs.a: unknown key '<<' (known: data, network"),
    "tag": (
        "name: !!python/name:os.system x\n",
        "runs.yaml:1:7: tags such as tag:yaml.org,2002:python/name:os",
    ),
    "deep nesting": ("runs: " + "[" * 2_000, "runs.yaml:1:38: nested too deeply"),
    "key that is a list": ("? [a]\n: b\n" + RUN, "runs.yaml:1:3: a key must be a word"),
    "empty key": ("runs: {a: {}, '': {}}\n", "runs.yaml:1:15: runs: a key must be a word"),
    "key given twice": (
        RUN + "seeds: [0]\nruns: {b: {}}\n",
        "runs.yaml:3:1: the key 'runs' is given twice, first on line 1",
    ),
    "unknown top key": ("seed: [1]\n" + RUN, "runs.yaml:1:1: unknown key 'seed' — did you mean 'seeds'?"),
    "dates are words": (
        "name: 2024-01-01\nseeds: 2024-01-01\n" + RUN,
        "runs.yaml:2:8: seeds: must be a list (got '2024-01-01')",
    ),
    "name is a number": ("name: 010\n" + RUN, "runs.yaml:1:7: name: must be a string (got 010)"),
    "negative seed": ("seeds: [0, -1]\n" + RUN, "runs.yaml:1:12: seeds[1]: must be >= 0 (got -1)"),
    "huge seed": (
        f"seeds: [{2**63}]\n" + RUN,
        "runs.yaml:1:9: seeds[0]: must be < 9223372036854775808 (got 92",
    ),
    "seed twice": ("seeds: [0, 3, 3]\n" + RUN, "runs.yaml:1:8: seeds: the seed 3 is given twice"),
    "no seed": ("seeds: []\n" + RUN, "runs.yaml:1:8: seeds: must not be empty (got a list)"),
    "seeds not a list": ("seeds: 3\n" + RUN, "runs.yaml:1:8: seeds: must be a list (got 3)"),
    "seed a float": ("seeds: [1.0]\n" + RUN, "runs.yaml:1:9: seeds[0]: must be an integer (got 1.0)"),
    "unknown default profile": (
        "profile: fast\nprofiles: {quick: {}}\n" + RUN,
        "runs.yaml:1:10: profile: unknown profile 'fast' (known: quick)",
    ),
    "run's name": (
        "runs: {a b: {}}\n",
        "runs.yaml:1:8: runs.a b: must be a name of letters, digits and any of . _",
    ),
    "run a number": ("runs: {a: 3}\n", "runs.yaml:1:11: runs.a: must be a mapping (got 3)"),
    "unknown ancestor": (
        "runs: {baseline: {}, b: {extends: basline}}\n",
        "runs.yaml:1:35: runs.b.extends: unknown run 'basline' — did you mean 'baseline'?",
    ),
    "ancestor a number": (
        "runs: {a: {extends: [3]}}\n",
        "runs.yaml:1:22: runs.a.extends[0]: must be a string (got 3)",
    ),
    "ancestor a list": (
        "runs: {a: {extends: [[a]]}}\n",
        "runs.yaml:1:22: runs.a.extends[0]: must be a string (got a list)",
    ),
    "extends itself": ("runs: {a: {extends: a}}\n", "runs.yaml:1:21: runs.a.extends: extends itself: a -> a"),
    "circle": (
        "runs:\n  a: {extends: c}\n  b: {extends: a}\n  c: {extends: [b]}\n",
        "runs.yaml:4:17: runs.c.extends[0]: extends itself: c -> b -> a -> c",
    ),
    "ancestor with a grid": (
        "runs:\n  a: {grid: {init: [x]}}\n  b: {extends: a}\n",
        "runs.yaml:3:16: runs.b.extends: 'a' has a grid; only a single run can be extended",
    ),
    "group's name": (
        "runs: {a: {group: 'x y'}}\n",
        "runs.yaml:1:19: runs.a.group: must be a name of letters",
    ),
    "lr negative": (
        "runs: {a: {optimizer: {lr: -1}}}\n",
        "runs.yaml:1:28: runs.a.optimizer.lr: must be > 0 (got -1)",
    ),
    "lr a word": (
        "runs: {a: {optimizer: {lr: 2e}}}\n",
        "runs.yaml:1:28: runs.a.optimizer.lr: must be a number (got '2e')",
    ),
    "lr quoted": (
        "runs: {a: {optimizer: {lr: '1'}}}\n",
        "runs.yaml:1:28: runs.a.optimizer.lr: must be a number (got '1')",
    ),
    "lr infinite": (
        "defaults: {optimizer: {lr: .inf}}\n" + RUN,
        "runs.yaml:1:28: defaults.optimizer.lr: must be a finite number (got .inf)",
    ),
    "steps a float": (
        "defaults: {train: {steps: 1.5}}\n" + RUN,
        "runs.yaml:1:27: defaults.train.steps: must be an integer (got 1.5)",
    ),
    "off is a word": (
        "defaults: {tracking: {log_model: off}}\n" + RUN,
        "runs.yaml:1:34: defaults.tracking.log_model: must be true or false (got 'off')",
    ),
    "image size": (
        "defaults: {data: {image_size: 48}}\n" + RUN,
        "runs.yaml:1:31: defaults.data.image_size: must be one of 32, 64, 128 (got 48)",
    ),
    "few grids": (
        "defaults: {samples: {num_grids: 7}}\n" + RUN,
        "runs.yaml:1:33: defaults.samples.num_grids: must be >= 8 (got 7)",
    ),
    "beta of one": (
        "defaults: {optimizer: {betas: [0.5, 1]}}\n" + RUN,
        "runs.yaml:1:37: defaults.optimizer.betas[1]: must be < 1 (got 1)",
    ),
    "one beta": (
        "defaults: {optimizer: {betas: [0.5]}}\n" + RUN,
        "runs.yaml:1:31: defaults.optimizer.betas: must have 2 elements (got 1)",
    ),
    "no betas": (
        "defaults: {optimizer: {betas: []}}\n" + RUN,
        "runs.yaml:1:31: defaults.optimizer.betas: must have 2 elements (got 0)",
    ),
    "three betas": (
        "defaults: {optimizer: {betas: [0, 0, 0]}}\n" + RUN,
        "runs.yaml:1:31: defaults.optimizer.betas: must have at most 2 elements (got a list)",
    ),
    "empty group of settings": (
        "defaults:\n  data:\n" + RUN,
        "runs.yaml:2:8: defaults.data: must be a name or a mapping (got nothing)",
    ),
    "optimizer a number": (
        "runs: {a: {optimizer: 5}}\n",
        "runs.yaml:1:23: runs.a.optimizer: must be a name or a mapping (got 5)",
    ),
    "train a word": (
        "runs: {a: {train: fast}}\n",
        "runs.yaml:1:19: runs.a.train: must be a mapping (got 'fast')",
    ),
    "init a mapping": (
        "runs: {a: {init: [x]}}\n",
        "runs.yaml:1:18: runs.a.init: must be a name or a mapping (got a list)",
    ),
    "option a list": (
        "runs: {a: {optimizer: {options: {x: [1]}}}}\n",
        "runs.yaml:1:37: runs.a.optimizer.options.x: must be true or false or an integer or a",
    ),
    "unknown setting": (
        "runs:\n  a:\n    optimizer: {learning_rate: 1}\n",
        "runs.yaml:3:17: runs.a.optimizer: unknown key 'learning_rate' — did you mean 'lr'?",
    ),
    "steps and epochs": (
        "profiles: {p: {train: {steps: 1, epochs: 2, batch_size: 3}}}\n" + RUN,
        "runs.yaml:1:42: profiles.p.train.epochs: give `steps` or `epochs`, not both",
    ),
    "unknown factor": (
        "runs: {a: {grid: {optimizer.lrr: [1, 2]}}}\n",
        "runs.yaml:1:19: runs.a.grid.optimizer: unknown key 'lrr' — did you mean 'lr'?",
    ),
    "factor's value": (
        "runs: {a: {grid: {optimizer.lr: [1, x]}}}\n",
        "runs.yaml:1:37: runs.a.grid.optimizer.lr[1]: must be a number (got 'x')",
    ),
    "factor without values": (
        "runs: {a: {grid: {init: []}}}\n",
        "runs.yaml:1:25: runs.a.grid.init: must not be empty (got a list)",
    ),
    "factor not a list": (
        "runs: {a: {grid: {init: x}}}\n",
        "runs.yaml:1:25: runs.a.grid.init: must be a list (got 'x')",
    ),
    "grid too large": (
        "runs: {a: {grid: {" + "".join(f"optimizer.options.o{n}: [1, 2, 3, 4], " for n in range(5)) + "}}}\n",
        "runs.yaml:1:18: runs.a.grid: makes 1024 runs; at most 1000 can be",
    ),
    "grid far too large": (
        "runs: {a: {grid: {" + "".join(f"optimizer.options.o{n}: [1, 2], " for n in range(20_000)) + "}}}\n",
        "runs.yaml:1:18: runs.a.grid: makes more than 10^12 runs; at most 1000 can be",
    ),
    "too many runs": (
        "runs: {" + "".join(f"r{n}: {{}}, " for n in range(5001)) + "}\n",
        "runs.yaml:1:1: runs: has 5,001 runs; at most 5,000 can be: split the file",
    ),
    "too many runs of grids": (
        "runs:\n"
        + "".join(
            f"  r{n}: {{grid: {{init: [{', '.join(f'i{m}' for m in range(900))}]}}}}\n" for n in range(6)
        ),
        "runs.yaml:7:3: runs.r5: makes more than 5,000 runs of the file; split it into several",
    ),
    "factors that overlap": (
        "runs:\n  a: {grid: {optimizer: [{name: sgd, lr: 1}], optimizer.lr: [2]}}\n",
        "runs.yaml:2:62: runs.a.grid.optimizer.lr[0]: another factor sets optimizer.lr too",
    ),
    "steps and epochs in a grid": (
        "runs: {a: {grid: {train.epochs: [1], train.steps: [2]}}}\n",
        "runs.yaml:1:52: runs.a.grid.train.steps[0]: give `steps` or `epochs`, not both",
    ),
    "value twice in a grid": (
        "runs:\n  a: {grid: {init: [x, x]}}\n",
        "runs.yaml:2:3: runs.a: its grid makes a run 'a-x', which runs.a makes already",
    ),
    "grid makes another run": (
        "runs:\n  a-x: {}\n  a: {grid: {init: [x, y]}}\n",
        "runs.yaml:3:3: runs.a: its grid makes a run 'a-x', which runs.a-x makes already",
    ),
    "grid makes a long name": (
        f"runs: {{a: {{grid: {{init: [{'x' * 99}]}}}}}}\n",
        "runs.yaml:1:8: runs.a: its grid makes a run's name longer than 100 characters",
    ),
}


@pytest.mark.parametrize(("text", "line"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_has_one_line_that_says_where_and_what(tmp_path: Path, text: str, line: str) -> None:
    lines = lines_of(tmp_path, text)
    assert len(lines) == 1
    assert lines[0].startswith(line)
    assert len(lines[0]) <= 500
