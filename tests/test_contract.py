"""What holds for every registered component of fakeface. A new one is tested here without an edit."""

import inspect
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ablations.code.reached import code_digests
from fakeface.config import DataConfig, LossConfig, OptimizerConfig, TrainingConfig, canonical_digest
from fakeface.data import DATASETS, find, prepare
from fakeface.errors import UserError
from fakeface.evaluation.extractors import EXTRACTORS, Extractor, _base
from fakeface.evaluation.extractors.inception import Inception
from fakeface.evaluation.floor import distance_of_halves
from fakeface.evaluation.frechet import statistics
from fakeface.evaluation.measures import DISTANCE, MEASURES, ScoredSamples, records, score
from fakeface.evaluation.reference import Reference
from fakeface.gan.augmentations import AUGMENTATIONS
from fakeface.gan.batches import GanBatch
from fakeface.gan.initializers import INITIALIZERS
from fakeface.gan.losses import LOSSES, build_loss
from fakeface.gan.networks import NETWORKS
from fakeface.gan.objective import declaration
from fakeface.gan.optimizers import OPTIMIZERS, build_optimizer
from fakeface.gan.penalties import PENALTIES
from fakeface.gan.step import GanState
from fakeface.measures import Error
from fakeface.registry import Registry, UnknownComponent
from tests.evaluation_pictures import drawn_faces, random_inception

REGISTRIES: list[Registry[Any]] = [
    NETWORKS, INITIALIZERS, LOSSES, PENALTIES, AUGMENTATIONS, OPTIMIZERS, DATASETS, EXTRACTORS, MEASURES
]  # fmt: skip
CPU = torch.device("cpu")


# -- all kinds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registry", "name"), [pytest.param(r, name, id=f"{r.kind}-{name}") for r in REGISTRIES for name in r]
)
def test_a_component_says_what_it_is_and_its_code_enters_an_identity(registry: Registry[Any], name: str):
    component = registry[name].compute if registry is MEASURES else registry[name]
    defined = component if inspect.isfunction(component) or inspect.isclass(component) else type(component)
    assert defined.__doc__
    assert code_digests([component])


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_an_unknown_name_is_answered_with_the_known_and_the_nearest(registry: Registry[Any]):
    name = list(registry)[-1]
    with pytest.raises(
        UnknownComponent, match=rf"unknown {registry.kind} '{name}x'.* mean '{name}'.*known: "
    ):
        registry[f"{name}x"]


# -- networks, initializers, losses, optimizers --------------------------------------------------------------------


def config(**settings: object) -> TrainingConfig:
    return TrainingConfig(**{"network": {"width": 4, "latent_dim": 7}, **settings})


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_network_makes_images_that_its_discriminator_takes_and_trains(name: str, channels: int, size: int):
    networks = NETWORKS[name](config(data={"image_size": size, "channels": channels}))
    images = networks.generator(torch.randn(4, 7))
    assert images.shape == (4, channels, size, size)
    assert images.abs().max() <= 1
    logits = networks.discriminator(images)
    assert logits.shape == (4,)
    logits.mean().backward()
    for network in networks:
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_generator_can_be_exported_for_batches_of_any_size(name: str):
    settings = config(data={"image_size": 32}, network={"name": name, "width": 4, "latent_dim": 7})
    generator = GanState.create(settings, 0, CPU).generator.eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(generator, (torch.zeros(2, 7),), dynamic_shapes=({0: batch},)).module()
    z = torch.randn(5, 7)
    torch.testing.assert_close(exported(z), generator(z), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", list(INITIALIZERS))
def test_an_initializer_draws_from_its_seed_alone(name: str):
    weights = []
    for seed, global_seed in ((5, 1), (5, 2), (6, 1)):
        torch.manual_seed(global_seed)
        state = GanState.create(config(init=name), seed, CPU)
        weights.append(torch.cat([p.detach().flatten() for p in state.generator.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def batch_of(real: torch.Tensor, fake: torch.Tensor) -> GanBatch:
    """Images of one pixel, under a discriminator whose output is that pixel."""
    return GanBatch(torch.nn.Flatten(0), *(x.reshape(-1, 1, 1, 1) for x in (real, fake)), seed=0, number=0)


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_pushes_d_and_g_apart_where_d_is_undecided(name: str):
    loss = build_loss(LossConfig(name=name))
    undecided = torch.full((4,), loss.boundary or 0.0)
    real, fake = (undecided.clone().requires_grad_() for _ in range(2))
    sum(loss.discriminator(batch_of(real, fake))).backward()
    assert (real.grad < 0).all(), "D must raise its outputs for real images"
    assert (fake.grad > 0).all(), "and lower them for fakes"
    fake = undecided.clone().requires_grad_()
    loss.generator(batch_of(undecided, fake)).backward()
    assert (fake.grad < 0).all(), "G must raise D's outputs"


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_is_a_finite_scalar_and_declares_what_its_values_mean(name: str):
    loss = build_loss(LossConfig(name=name))
    for end in (-50.0, 0.0, 50.0):
        batch = batch_of(torch.full((4,), end), torch.full((4,), -end))
        values = [*loss.discriminator(batch), loss.generator(batch), loss.penalty(batch)]
        assert all(v.shape == () and v.isfinite() for v in values if v is not None)
        assert loss.probability(batch.real_outputs).isfinite().all()
    json.dumps(declaration(TrainingConfig(loss=name)).record(), allow_nan=False)
    weights = torch.nn.Linear(3, 1)
    loss.constrain(weights)
    assert weights.weight.isfinite().all()


@pytest.mark.parametrize("name", list(PENALTIES))
def test_a_penalty_is_a_finite_scalar_that_reaches_each_weight_of_d(name: str):
    networks = NETWORKS["dcgan"](config(data={"image_size": 32}))
    real, fake = (torch.rand(4, 3, 32, 32) for _ in range(2))
    penalty = PENALTIES.build(name, {}, GanBatch(networks.discriminator, real, fake, seed=0, number=0))
    if penalty is not None:
        assert penalty.shape == () and penalty >= 0
        penalty.backward()
        for weight in networks.discriminator.parameters():
            assert weight.grad is None or weight.grad.isfinite().all()
        assert any(
            weight.grad is not None and weight.grad.any() for weight in networks.discriminator.parameters()
        )


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_an_augmentation_draws_from_its_generator_alone_and_gradients_flow_through_it(name: str):
    images = torch.randn(4, 3, 32, 32, requires_grad=True)
    results = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        results.append(AUGMENTATIONS[name](images, torch.Generator().manual_seed(5)))
    assert torch.equal(*results)
    assert results[0].shape == images.shape
    results[0].sum().backward()
    assert (images.grad.abs().sum(dim=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_an_optimizer_goes_downhill_and_resumes(name: str):
    def steps(count: int, weight: torch.Tensor, state: dict | None = None) -> tuple[torch.Tensor, dict]:
        weight = torch.nn.Parameter(weight.clone())
        optimizer = build_optimizer(OptimizerConfig(name=name, lr=0.01), [weight])
        if state is not None:
            optimizer.load_state_dict(state)
        for _ in range(count):
            optimizer.zero_grad()
            (weight**2).sum().backward()
            optimizer.step()
        return weight.detach(), optimizer.state_dict()

    start = torch.tensor([3.0, -2.0])
    assert (steps(20, start)[0] ** 2).sum() < (start**2).sum()
    assert torch.equal(steps(7, *steps(5, start))[0], steps(12, start)[0])


# -- data sets -----------------------------------------------------------------------------------------------------


def images_of(name: str, folder: Path, channels: int = 3) -> DataConfig:
    """Nine images of any data set, from a local folder where it reads files."""
    folder.mkdir(exist_ok=True)
    for i in range(9):
        pixels = np.random.default_rng(i).integers(0, 256, (218, 178, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return DataConfig(name=name, path=str(folder), count=9, image_size=32, channels=channels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", list(DATASETS))
def test_preparing_a_data_set_twice_gives_the_same_images_and_digest(
    tmp_path: Path, name: str, channels: int
):
    settings = images_of(name, tmp_path / "source", channels)
    first, second = (prepare(settings, tmp_path / cache) for cache in "ab")
    assert (first.images.shape, first.images.dtype) == ((9, 32, 32, channels), np.uint8)
    assert (first.name, first.skipped, len(first.digest)) == (name, (), 64)
    assert first.source
    assert len(np.unique(first.images.reshape(9, -1), axis=0)) == 9
    found = find(settings, tmp_path / "a")
    assert found is not None
    assert found.digest == first.digest == second.digest


@pytest.mark.parametrize("name", list(DATASETS))
def test_a_source_reads_any_part_of_itself_alike_here_and_in_a_worker(tmp_path: Path, name: str):
    settings = images_of(name, tmp_path / "source")
    source = DATASETS[name]().source(settings, tmp_path / "downloads", fetch=True)
    items = source.items()
    assert len(items) == 9
    part = pickle.loads(pickle.dumps(source)).read(items[4:6], 32, 3)
    np.testing.assert_array_equal(part.images, source.read(items, 32, 3).images[4:6])


@pytest.mark.parametrize("name", list(DATASETS))
def test_looking_a_data_set_up_downloads_nothing(tmp_path: Path, name: str):
    settings = images_of(name, tmp_path / "source")
    assert find(settings, tmp_path / "cache") is None
    if name != "folder":
        assert find(settings.model_copy(update={"path": None}), tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


# -- extractors ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=list(EXTRACTORS))
def extractor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    if request.param != "inception":
        return EXTRACTORS[request.param]()
    path, digest = random_inception(tmp_path_factory.mktemp("weights"))  # its own cannot be had offline
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Inception, "weights_sha256", digest)
        return Inception(str(path))


@pytest.mark.parametrize("name", list(EXTRACTORS))
def test_what_a_number_depends_on_is_known_before_weights_are_loaded(name: str):
    kind = EXTRACTORS[name]
    assert kind.name == name
    assert {"extractor", "weights", "input_size", "resize", "values", "layer"} <= set(kind.protocol)
    assert (kind.protocol["weights"], kind.protocol["dimension"]) == (kind.weights_sha256, kind.dimension)
    canonical_digest(kind.protocol)
    assert [other for other in EXTRACTORS if EXTRACTORS[other].metric == kind.metric] == [name]


def test_an_extractor_gives_float32_features_and_says_how_far_it_is(extractor: Extractor):
    seen: list[tuple[int, int]] = []
    features = extractor(drawn_faces(3, channels=3), lambda *progress: seen.append(progress))
    assert (features.shape, features.dtype) == ((3, extractor.dimension), np.float32)
    assert np.isfinite(features).all()
    assert features.std(axis=0).max() > 0
    assert seen[-1] == (3, 3)


def test_an_extractor_takes_grey_as_equal_channels(extractor: Extractor):
    grey = drawn_faces(2)
    np.testing.assert_allclose(extractor(grey), extractor(grey.repeat(3, axis=-1)), rtol=1e-4, atol=1e-4)


def test_features_of_an_image_do_not_depend_on_its_batch(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_base, "_CPU_BATCH", 2)
    images = drawn_faces(3, channels=3)  # two batches, the second incomplete
    for one in (slice(1, 2), slice(2, 3)):
        np.testing.assert_allclose(extractor(images)[one], extractor(images[one]), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 32, 32, 3), np.float32),
        np.zeros((2, 32, 32, 4), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
    ],
    ids=["float", "four-channels", "one-image"],
)
def test_an_extractor_refuses_what_is_not_uint8_images(extractor: Extractor, bad: np.ndarray):
    with pytest.raises(UserError, match="must be uint8"):
        extractor(bad)


# -- measures ------------------------------------------------------------------------------------------------------


def scored(features: np.ndarray, *, final: bool = True) -> dict[str, float]:
    real = np.random.default_rng(0).normal(size=(400, 16)).astype(np.float32)
    images = np.zeros((len(features), 32, 32, 3), np.uint8)
    samples = ScoredSamples(features, final=final, make_images=lambda: images)
    return score(samples, Reference("fd_test", statistics(real), real, distance_of_halves(real)))


def some_features(n: int) -> np.ndarray:
    return (np.random.default_rng(1).normal(size=(n, 16)) + 0.3).astype(np.float32)


@pytest.mark.parametrize("key", list(MEASURES))
def test_a_measure_gives_a_number_and_the_error_that_its_record_promises(key: str):
    record, found = records("fd_test")[key], scored(some_features(200))
    errors = {
        Error.NONE: [],
        Error.STANDARD: [record.standard_error],
        Error.INTERVAL: [record.low, record.high],
    }
    for name in (record.name, *errors[record.error]):
        assert np.isfinite(found[name])
    assert record.heading


def test_what_cannot_be_estimated_from_two_samples_is_left_out_and_the_distance_comes():
    found = scored(some_features(2))
    assert np.isfinite(list(found.values())).all()
    assert "fd_test" in found


def test_names_of_measures_differ_under_every_protocol_and_early_scores_hold_those_of_every_score():
    for metric in ("fid", "fd_test"):
        names = [record.name for record in records(metric).values()]
        assert len(set(names)) == len(names)
    early = {records("fd_test")[key].name for key in MEASURES if MEASURES[key].every_score}
    assert set(scored(some_features(200), final=False)) == early
    assert MEASURES[DISTANCE].every_score
