"""Everything a run needs before its first step: samples, tokenizer, model, optimizer, where it stands."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel

from schemas.run_record import start_run
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.data.balance.balanced import Balanced
from trainer.data.balance.chance_file import IndexedFolder, prepare_chances
from trainer.data.data_set import DataSet
from trainer.data.decode.device import DeviceDecoder, check_decodes
from trainer.data.loader import DEADLINE_S, Loader
from trainer.data.loading.device_decoding import DeviceDecodingLoader
from trainer.data.open_data import INDEX_DIR, ShardFolder, open_data, prepare_indexes, read_indexes
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.cache_room import CacheRoom, check_room, expected_bytes
from trainer.data.read.captions import parse_rule
from trainer.data.read.further_captions import FurtherCaptions, open_further
from trainer.data.row_reader import RowReader
from trainer.data.some_captions import some_captions
from trainer.data.verify_shards import verify_shards
from trainer.memory.rows_at_once import RowsAtOnce, find_rows_at_once
from trainer.model.clip import CLIP
from trainer.model.set_up import set_up_encoders
from trainer.optim.adamw import make_optimizer
from trainer.optim.ema import Ema
from trainer.optim.loss_scale import LossScaler, make_loss_scaler
from trainer.optim.text_weights import keep_text_weights
from trainer.presets import ResNetConfig
from trainer.record.claim import Claim, find_shards
from trainer.record.plan import Plan, make_plan
from trainer.record.reached import check_reached
from trainer.record.run_record import training_record
from trainer.saving.checkpoint import TOKENIZER_FILE, read_tokenizer
from trainer.saving.resume import resume
from trainer.saving.run_tokenizer import mend_tokenizer
from trainer.saving.train_state import TrainState
from trainer.saving.trained import Trained
from trainer.step.precision import autocast_dtype
from trainer.step.settled_buckets import settle_buckets
from trainer.step.sharding import shard_model
from trainer.telling.reporter import Reporter
from trainer.tokenizer import MAX_TRAINING_CAPTIONS, CaptionTokenizer, train_tokenizer
from trainer.weights.begin import Beginning, read_beginning
from trainer.weights.load import load_given, share_weights
from trainer.weights.lock import lock_encoders
from trainer.workers.cpu_share import with_threads
from trainer.workers.distributed import World, most_rows

PROCESSES_A_GPU = 2


@dataclass(frozen=True, kw_only=True)
class Run:
    """One worker's view of a run."""

    config: TrainConfig
    world: World
    folder: Folder
    identity: str
    plan: Plan
    data: DataSet
    tokenizer: CaptionTokenizer
    model: CLIP
    wrapped: nn.Module
    """`model`, inside DistributedDataParallel when there are several workers and it is not sharded."""
    optimizer: torch.optim.Optimizer
    ema: Ema | None
    scaler: LossScaler | None
    state: TrainState
    """Where the run stood when this invocation began."""
    loader: Loader | DeviceDecodingLoader
    cache_room: CacheRoom | None
    """Of this machine's disk for what is read over the network."""
    rows_at_once: RowsAtOnce
    """Of this worker, in the model."""


def assemble(config: TrainConfig, world: World, reporter: Reporter | None = None, claim: Claim | None = None) -> Run:
    """Claim the output folder and put the run together, from its latest checkpoint when it has one.

    `claim` is what was found when who started this worker claimed the folder; without it is looked up here.
    """
    if config.decode == "gpu":
        check_decodes(world.device.type)
    config.check_shares(world.size)
    config = with_threads(config, world)
    world = dataclasses.replace(world, rows_together=config.recipe.batch_norm_rows or 1)
    if world.device.type == "cpu":
        torch.set_num_threads(config.cpus_per_worker)
    folder = Folder(config.output)
    claim = claim or find_shards(config)
    shards = claim.shards
    beginning = read_beginning(config, world, claim.take_beginning())
    record = training_record(config, claim.listed, beginning.inputs)
    if world.first:
        start_run(folder, record, alone=False)  # the launcher is at work there
    data, further = prepare_data(config, shards, folder, world, reporter)
    plan = make_plan(config.recipe, data.epoch_samples, config.samples)
    check_reached(config, plan)
    room = find_room(config, data, world)
    if world.first:
        mend_tokenizer(folder, record.identity)
    cache = BlockBytes(config.cache_dir, DEADLINE_S, data.set_name())
    tokenizer = prepare_tokenizer(
        folder, lambda: some_captions(data, cache, further, MAX_TRAINING_CAPTIONS, reporter), config, world, beginning
    )
    model = make_model(config, tokenizer, world, beginning, reporter)
    keep_text_weights(model, config.text_weights)
    at_once = find_rows_at_once(config, world, model.config)
    rows = at_once.micro_batch or most_rows(config.recipe.global_batch_size, world)
    autocast = autocast_dtype(config.precision, world.device)
    set_up_encoders(model, config, config.seed, rows, autocast, has_averages=config.ema_decay is not None)
    if config.parallel == "fsdp" and world.size > 1:
        shard_model(model, world, products=autocast)
    optimizer = make_optimizer(model, config.recipe, config, seed=config.seed)
    ema = Ema(model, config.ema_decay) if config.ema_decay is not None else None
    scaler = make_loss_scaler(config.precision, world.device)
    trained = Trained(model, optimizer, ema, scaler)
    state = resume(folder, trained, record.identity, world) or TrainState(step=0, samples=0, replaced=0)
    wrapped = spread(model, world, static_graph=at_once.micro_batch is None)
    settle_buckets(wrapped, world.device, autocast=autocast)
    run = Run(
        config=config,
        world=world,
        folder=folder,
        identity=record.identity,
        plan=plan,
        data=data,
        tokenizer=tokenizer,
        model=model,
        wrapped=wrapped,
        optimizer=optimizer,
        ema=ema,
        scaler=scaler,
        state=state,
        loader=make_loader(config, data, further, tokenizer, world),
        cache_room=room,
        rows_at_once=at_once,
    )
    cache.close()  # the loader has it by now: what the tokenizer was trained on needs not be fetched again
    return run


def make_loader(
    config: TrainConfig, data: DataSet, further: FurtherCaptions | None, tokenizer: CaptionTokenizer, world: World
) -> Loader | DeviceDecodingLoader:
    """Return what makes a worker's batches."""

    def loader(hands_over: bool, threads: int, ahead_bytes: int, processes: int) -> Loader:
        reader = RowReader(
            data,
            image_px=config.model_config.image.image_px,
            cache_bytes=config.cache_bytes,
            is_stored=config.resize == "stored",
            further=further,
            hands_over=hands_over,
        )
        return Loader(
            data,
            reader,
            tokenizer,
            decode_threads=threads,
            read_ahead_bytes=ahead_bytes,
            cache_dir=config.cache_dir,
            processes=processes,
            pinned=world.device.type == "cuda",
        )

    on_device = config.decode == "gpu"
    made = loader(on_device, config.decode_threads, config.read_ahead_bytes, loader_processes(config, world))
    if not on_device:
        return made
    decoder = DeviceDecoder(world.device, config.model_config.image.image_px)
    return DeviceDecodingLoader(made, loader(False, 1, 0, 0), decoder, world.device)


def spread(model: CLIP, world: World, *, static_graph: bool) -> nn.Module:
    """Return the model as it trains on all workers: gradients are averaged while the backward pass goes on.

    `static_graph`: each step goes forward and backward once through the same parameters. BatchNorm's running statistics
    are not sent with each forward pass: those of the first worker are the model's, in checkpoints and evaluations.
    """
    if world.size == 1 or isinstance(model, FSDPModule):
        return model
    return DistributedDataParallel(
        model,
        device_ids=None if world.device.type == "cpu" else [world.device],
        forward_sync_buffers=False,
        gradient_as_bucket_view=True,
        static_graph=static_graph,
    )


def find_room(config: TrainConfig, data: DataSet, world: World) -> CacheRoom | None:
    """Return what the workers of this machine need of the cache's folder. Raises ValueError where less is free."""
    batch_size = config.recipe.global_batch_size
    rows = most_rows(batch_size, world)
    workers = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    needed = expected_bytes(data, batch_size, rows, config.read_ahead_bytes, workers)
    return check_room(needed, config.cache_dir, data.set_name())


def loader_processes(config: TrainConfig, world: World) -> int:
    """Return how many loader processes a worker has."""
    if config.loader_processes is not None:
        return config.loader_processes
    return PROCESSES_A_GPU if world.device.type == "cuda" else 0


def prepare_data(
    config: TrainConfig, opened: Sequence[ShardFolder], folder: Folder, world: World, reporter: Reporter | None = None
) -> tuple[DataSet, FurtherCaptions | None]:
    """Return the samples; the first worker makes the indexes and chances that the run's folder does not have yet."""
    threads = max(1, config.cpus_per_worker)
    if config.verify_checksums:
        verify_shards(opened, max(1, config.decode_threads), part=world.rank, parts=world.size)
    if world.first:
        prepare_indexes(opened, folder, threads, reporter)
        open_further([one.folder for one in opened], folder)
    index = folder.sub(INDEX_DIR)
    if world.first and config.cap is not None:
        indexes = zip(opened, read_indexes(opened, folder), strict=True)
        indexed = [IndexedFolder(one.folder, table) for one, table in indexes]
        prepare_chances(indexed, index, config.cap, threads, reporter)
    world.barrier()
    data = open_data(
        opened,
        read_indexes(opened, folder),
        seed=config.seed,
        weights=config.weights,
        rules=[parse_rule(rule) for rule in config.captions],
        pool=config.shuffle_pool,
        balanced=Balanced(index, stores=world.first) if config.cap is not None else None,
    )
    return data, open_further([one.folder for one in opened], folder)


def prepare_tokenizer(
    folder: Folder, captions: Callable[[], Iterable[str]], config: TrainConfig, world: World, beginning: Beginning
) -> CaptionTokenizer:
    """Return the run's tokenizer; the first worker writes the given one, or trains it, where the folder has none."""
    if world.first and not folder.exists(TOKENIZER_FILE):
        tokenizer = beginning.tokenizer
        if tokenizer is None:
            tokenizer = train_tokenizer(
                captions(),
                vocab_size=config.model_config.text.vocab_size,
                context_length=config.model_config.text.context_length,
            )
        folder.write(TOKENIZER_FILE, tokenizer.to_json())
    world.barrier()
    return read_tokenizer(folder)


def make_model(
    config: TrainConfig,
    tokenizer: CaptionTokenizer,
    world: World,
    beginning: Beginning,
    reporter: Reporter | None = None,
) -> CLIP:
    """Return the model on the worker's device: the seed's first weights, in their place those given; locked."""
    torch.manual_seed(config.seed)
    geometry = config.model_config
    text = dataclasses.replace(geometry.text, vocab_size=tokenizer.vocab_size)
    model = CLIP(dataclasses.replace(geometry, text=text)).to(world.device)
    for given in beginning.weights:
        for line in load_given(model, given):
            if reporter is not None:
                reporter.message(line)
    if config.init_from is not None or config.init_image_from is not None:
        share_weights(model, world)
    lock_encoders(model, config, is_projection_new=beginning.is_projection_new)
    if isinstance(geometry.image, ResNetConfig):
        model.lay_out(torch.channels_last)
    return model
