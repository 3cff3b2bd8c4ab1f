//! The program of ../README.md in Restate's SDK for Rust.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use restate_sdk::prelude::*;

static TRIES: LazyLock<Mutex<HashMap<String, u32>>> = LazyLock::new(Mutex::default);

fn count(name: &str) -> u32 {
    let mut tries = TRIES.lock().unwrap();
    let times = tries.entry(name.to_owned()).or_default();
    *times += 1;
    *times
}

/// A file in the folder with the ledger and the gates.
fn file(name: &str) -> PathBuf {
    PathBuf::from(std::env::args().nth(2).unwrap()).join(name)
}

/// Writes what a step did to the ledger, in one write to the system.
fn note(what: &str) -> std::io::Result<()> {
    let mut ledger = OpenOptions::new().append(true).create(true).open(file("ledger"))?;
    ledger.write_all(format!("{what}\n").as_bytes())
}

/// A step that says in the ledger that it ran.
async fn noted(ctx: &Context<'_>, name: &str, step: &str) -> Result<String, TerminalError> {
    let (line, result) = (format!("{name}:{step}"), step.to_owned());
    let run = ctx.run(|| async move {
        note(&line)?;
        Ok(result)
    });
    run.name(step).await
}

/// A step that says so, and then waits until it may go on: until somebody makes a file.
async fn gated(ctx: &Context<'_>, name: &str, step: &str) -> Result<String, TerminalError> {
    let (line, result) = (format!("{name}:{step}"), step.to_owned());
    let gate = file(&format!("{name}.{step}"));
    let run = ctx.run(|| async move {
        note(&line)?;
        while !gate.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(result)
    });
    run.name(step).await
}

type Journey = (String, String, String, String, u32, String);

struct Sample;

#[service(name = "sample")]
impl Sample {
    #[handler]
    async fn echo(&self, _ctx: Context<'_>, value: String) -> HandlerResult<String> {
        Ok(value)
    }

    #[handler]
    async fn steps(&self, ctx: Context<'_>, name: String) -> HandlerResult<Json<Vec<String>>> {
        let mut results = Vec::new();
        for step in ["one", "two", "three"] {
            let counted = format!("{name}{step}");
            let run = ctx.run(|| async move { Ok(format!("{step}:{}", count(&counted))) });
            results.push(run.name(step).await?);
            ctx.sleep(Duration::from_millis(5)).await?;
        }
        Ok(Json(results))
    }

    #[handler]
    async fn retried(&self, ctx: Context<'_>, name: String) -> HandlerResult<u32> {
        let policy = RunRetryPolicy::new().initial_delay(Duration::from_millis(1));
        let run = ctx.run(|| async move {
            match count(&name) {
                3 => Ok(3),
                _ => Err("not yet")?,
            }
        });
        Ok(run.retry_policy(policy).await?)
    }

    #[handler]
    async fn hopeless(&self, ctx: Context<'_>, name: String) -> HandlerResult<String> {
        let policy = RunRetryPolicy::new()
            .initial_delay(Duration::from_millis(1))
            .max_attempts(3);
        let counted = name.clone();
        let run = ctx.run::<_, _, ()>(|| async move { Err(format!("try {}", count(&counted)))? });
        match run.retry_policy(policy).await {
            Ok(()) => Ok("worked".to_owned()),
            Err(_) => Ok(format!("gave up after {}", TRIES.lock().unwrap()[&name])),
        }
    }

    #[handler]
    async fn terminal(&self, _ctx: Context<'_>) -> HandlerResult<()> {
        Err(TerminalError::new_with_code(418, "that was it"))?
    }

    #[handler]
    async fn mistaken(&self, ctx: Context<'_>) -> HandlerResult<()> {
        let fail = || async { Err(TerminalError::new_with_code(422, "a mistake"))? };
        Ok(ctx.run::<_, _, ()>(fail).await?)
    }

    #[handler]
    async fn propagate(&self, ctx: Context<'_>) -> HandlerResult<()> {
        Ok(ctx.service_client::<SampleClient>().terminal().call().await?)
    }

    #[handler]
    async fn eventually(&self, _ctx: Context<'_>, name: String) -> HandlerResult<u32> {
        match count(&name) {
            4 => Ok(4),
            _ => Err("not yet")?,
        }
    }

    #[handler]
    async fn headers(&self, ctx: Context<'_>) -> HandlerResult<String> {
        Ok(ctx.headers().get("x-test").cloned().unwrap_or_default())
    }

    #[handler]
    async fn nap(&self, ctx: Context<'_>, ms: u64) -> HandlerResult<String> {
        ctx.sleep(Duration::from_millis(ms)).await?;
        Ok("slept".to_owned())
    }

    #[handler]
    async fn relay(&self, ctx: Context<'_>, key: String) -> HandlerResult<Json<Vec<u32>>> {
        let tally = || ctx.object_client::<TallyClient>(key.clone());
        let mut results = Vec::new();
        for amount in [1, 2] {
            results.push(tally().add(amount).call().await?);
        }
        tally().add(3).send();
        results.push(tally().add(0).call().await?);
        Ok(Json(results))
    }

    #[handler]
    async fn awake(&self, ctx: Context<'_>) -> HandlerResult<String> {
        let (id, woken) = ctx.awakeable::<String>();
        ctx.service_client::<SampleClient>().wake(id).send();
        Ok(woken.await?)
    }

    #[handler]
    async fn wake(&self, ctx: Context<'_>, id: String) -> HandlerResult<()> {
        ctx.resolve_awakeable(&id, "woken".to_owned());
        Ok(())
    }

    #[handler]
    async fn journey(&self, ctx: Context<'_>, name: String) -> HandlerResult<Json<Journey>> {
        let first = noted(&ctx, &name, "first").await?;
        let slow = gated(&ctx, &name, "slow").await?;
        noted(&ctx, &name, "sleepy").await?;
        ctx.sleep(Duration::from_secs(2)).await?;
        let (id, woken) = ctx.awakeable::<String>();
        noted(&ctx, &name, &format!("awaits {id}")).await?;
        let value = woken.await?;
        let callee = ctx.service_client::<SampleClient>().callee(name.clone());
        let called = callee.call().await?;
        let total = ctx.object_client::<TallyClient>(name.clone()).add(1).call().await?;
        let last = noted(&ctx, &name, "last").await?;
        Ok(Json((first, slow, value, called, total, last)))
    }

    #[handler]
    async fn callee(&self, ctx: Context<'_>, name: String) -> HandlerResult<String> {
        Ok(gated(&ctx, &name, "callee").await?)
    }

    #[handler]
    async fn caller(&self, ctx: Context<'_>, name: String) -> HandlerResult<String> {
        let waiter = ctx.service_client::<SampleClient>().waiter(name.clone());
        let result = waiter.call().await;
        if result.is_err() {
            noted(&ctx, &name, "caller cleaned up").await?;
        }
        Ok(result?)
    }

    #[handler]
    async fn waiter(&self, ctx: Context<'_>, name: String) -> HandlerResult<String> {
        let (_, never) = ctx.awakeable::<String>();
        // A cancel is heard at the first wait after it came, which may be that for the step.
        let result = match noted(&ctx, &name, "waits").await {
            Ok(_) => never.await,
            Err(error) => Err(error),
        };
        if result.is_err() {
            noted(&ctx, &name, "waiter cleaned up").await?;
        }
        Ok(result?)
    }
}

struct Tally;

#[object(name = "tally")]
impl Tally {
    #[handler]
    async fn add(&self, ctx: ObjectContext<'_>, amount: u32) -> HandlerResult<u32> {
        let total = ctx.get::<u32>("total").await?.unwrap_or(0) + amount;
        ctx.set("total", total);
        Ok(total)
    }

    #[handler]
    async fn spoil(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        ctx.set("total", 7);
        Err(TerminalError::new_with_code(422, "spoilt"))?
    }

    #[handler]
    async fn clear(&self, ctx: ObjectContext<'_>) -> HandlerResult<Json<Vec<String>>> {
        let keys = ctx.get_keys().await?;
        ctx.clear_all();
        Ok(Json(keys))
    }
}

struct Flow;

#[workflow(name = "flow")]
impl Flow {
    #[handler]
    async fn run(&self, ctx: WorkflowContext<'_>, start: String) -> HandlerResult<String> {
        Ok(format!("{start} {}", ctx.promise::<String>("approval").await?))
    }

    #[handler]
    async fn approve(&self, ctx: SharedWorkflowContext<'_>, by: String) -> HandlerResult<()> {
        ctx.resolve_promise("approval", by);
        Ok(())
    }
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).unwrap();
    let endpoint = Endpoint::builder().bind(Sample).bind(Tally).bind(Flow).build();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    HttpServer::new(endpoint).listen_and_serve(address).await;
}
