"""The program of ../README.md in Restate's SDK for Python."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config
from restate.exceptions import TerminalError

sample = restate.Service("sample")
tally = restate.VirtualObject("tally")
flow = restate.Workflow("flow")

tries = {}


def count(name):
    tries[name] = tries.get(name, 0) + 1
    return tries[name]


FOLDER = Path(sys.argv[2])


def note(what):
    """Writes what a step did to the ledger, in one write to the system."""
    ledger = os.open(FOLDER / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(ledger, f"{what}\n".encode())
    finally:
        os.close(ledger)


async def noted(ctx, name, step):
    """A step that says in the ledger that it ran."""

    def run() -> str:
        note(f"{name}:{step}")
        return step

    return await ctx.run_typed(step, run)


async def gated(ctx, name, step):
    """A step that says so, and then waits until it may go on: until somebody makes a file."""

    async def run() -> str:
        note(f"{name}:{step}")
        while not (FOLDER / f"{name}.{step}").exists():
            await asyncio.sleep(0.005)
        return step

    return await ctx.run_typed(step, run)


@sample.handler()
async def echo(ctx: restate.Context, value: str) -> str:
    return value


@sample.handler()
async def steps(ctx: restate.Context, name: str) -> list:
    results = []
    for step in ["one", "two", "three"]:
        results.append(await ctx.run_typed(step, lambda step=step: f"{step}:{count(name + step)}"))
        await ctx.sleep(timedelta(milliseconds=5))
    return results


@sample.handler()
async def hopeless(ctx: restate.Context, name: str) -> str:
    def fail() -> str:
        raise RuntimeError(f"try {count(name)}")

    options = restate.RunOptions(max_attempts=3, initial_retry_interval=timedelta(milliseconds=1))
    try:
        await ctx.run_typed("fail", fail, options)
    except TerminalError:
        return f"gave up after {tries[name]}"
    return "worked"


@sample.handler()
async def retried(ctx: restate.Context, name: str) -> int:
    def flaky() -> int:
        times = count(name)
        if times < 3:
            raise RuntimeError("not yet")
        return times

    options = restate.RunOptions(initial_retry_interval=timedelta(milliseconds=1))
    return await ctx.run_typed("flaky", flaky, options)


@sample.handler()
async def mistaken(ctx: restate.Context) -> str:
    def fail() -> str:
        raise TerminalError("a mistake", status_code=422)

    return await ctx.run_typed("fail", fail)


@sample.handler()
async def propagate(ctx: restate.Context) -> None:
    await ctx.service_call(terminal, arg=None)


@sample.handler()
async def eventually(ctx: restate.Context, name: str) -> int:
    times = count(name)
    if times < 4:
        raise RuntimeError("not yet")
    return times


@sample.handler()
async def headers(ctx: restate.Context) -> str:
    return ctx.request().headers.get("x-test", "")


@sample.handler()
async def nap(ctx: restate.Context, ms: int) -> str:
    await ctx.sleep(timedelta(milliseconds=ms))
    return "slept"


@sample.handler()
async def terminal(ctx: restate.Context) -> None:
    raise TerminalError("that was it", status_code=418)


@sample.handler()
async def relay(ctx: restate.Context, key: str) -> list:
    results = []
    for amount in [1, 2]:
        results.append(await ctx.object_call(add, key=key, arg=amount))
    ctx.object_send(add, key=key, arg=3)
    results.append(await ctx.object_call(add, key=key, arg=0))
    return results


@sample.handler()
async def awake(ctx: restate.Context) -> str:
    name, promise = ctx.awakeable()
    ctx.service_send(wake, arg=name)
    return await promise


@sample.handler()
async def wake(ctx: restate.Context, name: str) -> None:
    ctx.resolve_awakeable(name, "woken")


@sample.handler()
async def journey(ctx: restate.Context, name: str) -> list:
    first = await noted(ctx, name, "first")
    slow = await gated(ctx, name, "slow")
    await noted(ctx, name, "sleepy")
    await ctx.sleep(timedelta(seconds=2))
    awakeable_id, woken = ctx.awakeable()
    await noted(ctx, name, f"awaits {awakeable_id}")
    value = await woken
    called = await ctx.service_call(callee, arg=name)
    total = await ctx.object_call(add, key=name, arg=1)
    return [first, slow, value, called, total, await noted(ctx, name, "last")]


@sample.handler()
async def callee(ctx: restate.Context, name: str) -> str:
    return await gated(ctx, name, "callee")


@sample.handler()
async def caller(ctx: restate.Context, name: str) -> str:
    try:
        return await ctx.service_call(waiter, arg=name)
    except TerminalError:
        await noted(ctx, name, "caller cleaned up")
        raise


@sample.handler()
async def waiter(ctx: restate.Context, name: str) -> str:
    _, never = ctx.awakeable()
    try:
        # A cancel is heard at the first wait after it came, which may be that for the step.
        await noted(ctx, name, "waits")
        return await never
    except TerminalError:
        await noted(ctx, name, "waiter cleaned up")
        raise


@tally.handler()
async def add(ctx: restate.ObjectContext, amount: int) -> int:
    total = (await ctx.get("total") or 0) + amount
    ctx.set("total", total)
    return total


@tally.handler()
async def spoil(ctx: restate.ObjectContext) -> None:
    ctx.set("total", 7)
    raise TerminalError("spoilt", status_code=422)


@tally.handler()
async def clear(ctx: restate.ObjectContext) -> list:
    keys = await ctx.state_keys()
    ctx.clear_all()
    return keys


@flow.main()
async def run(ctx: restate.WorkflowContext, start: str) -> str:
    return f"{start} {await ctx.promise('approval').value()}"


@flow.handler()
async def approve(ctx: restate.WorkflowSharedContext, by: str) -> None:
    await ctx.promise("approval").resolve(by)


async def main():
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.loglevel = "ERROR"
    await serve(restate.app([sample, tally, flow]), config)


asyncio.run(main())
