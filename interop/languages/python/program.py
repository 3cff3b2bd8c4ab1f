"""The program of ../README.md in Restate's SDK for Python."""

import asyncio
import sys
from datetime import timedelta

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


@tally.handler()
async def add(ctx: restate.ObjectContext, amount: int) -> int:
    total = (await ctx.get("total") or 0) + amount
    ctx.set("total", total)
    return total


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
