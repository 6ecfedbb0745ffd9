//! `tokio-graceful-shutdown`: a toplevel that starts named subsystems, with a token from outside to stop
//! it by.

use ::tokio_graceful_shutdown::errors::GracefulShutdownError;
use ::tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};
use ::tokio_util::sync::CancellationToken;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::contender::{Contender, LIMIT};
use crate::work::{Begun, DRAIN, Kind, Meter, Work, tick_until};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// See the module.
#[derive(Debug)]
pub struct TokioGracefulShutdown {
    token: CancellationToken,
    toplevel: JoinHandle<Result<(), GracefulShutdownError>>,
}

impl Contender for TokioGracefulShutdown {
    type Assembled = Work;
    type Running = Self;

    fn assemble(work: Work) -> Work {
        work
    }

    async fn start(work: Work) -> Self {
        let token = CancellationToken::new();
        let toplevel = Toplevel::new_with_shutdown_token(
            async move |subsystem: &mut SubsystemHandle| start(subsystem, work),
            token.clone(),
        );
        let toplevel = tokio::spawn(toplevel.handle_shutdown_requests(LIMIT));
        work.begun.all().await;
        Self { token, toplevel }
    }

    async fn stop(running: Self) {
        running.token.cancel();
        let stopped = running.toplevel.await.expect("nothing panics");
        stopped.expect("nothing can fail");
    }
}

fn start(subsystem: &SubsystemHandle, work: Work) {
    let begun = work.begun;
    for (index, &name) in work.names.iter().enumerate() {
        match work.kind {
            Kind::Idle => subsystem.start(SubsystemBuilder::new(
                name,
                async move |subsystem: &mut SubsystemHandle| idle(subsystem, begun).await,
            )),
            Kind::Hooks => subsystem.start(SubsystemBuilder::new(
                name,
                async move |subsystem: &mut SubsystemHandle| hooks(subsystem, begun).await,
            )),
            Kind::Tick => {
                let meter = &work.meters[index];
                subsystem.start(SubsystemBuilder::new(
                    name,
                    async move |subsystem: &mut SubsystemHandle| {
                        tick(subsystem, begun, meter).await
                    },
                ))
            }
            Kind::Drain => subsystem.start(SubsystemBuilder::new(
                name,
                async move |subsystem: &mut SubsystemHandle| drain(subsystem, begun).await,
            )),
        };
    }
}

async fn idle(subsystem: &SubsystemHandle, begun: &Begun) -> Result<(), BoxedError> {
    begun.tell();
    subsystem.on_shutdown_requested().await;
    Ok(())
}

async fn hooks(subsystem: &SubsystemHandle, begun: &Begun) -> Result<(), BoxedError> {
    begun.tell();
    subsystem.on_shutdown_requested().await;
    begun.take_back();
    Ok(())
}

async fn tick(subsystem: &SubsystemHandle, begun: &Begun, meter: &Meter) -> Result<(), BoxedError> {
    begun.tell();
    tick_until(subsystem.on_shutdown_requested(), meter).await;
    Ok(())
}

async fn drain(subsystem: &SubsystemHandle, begun: &Begun) -> Result<(), BoxedError> {
    begun.tell();
    subsystem.on_shutdown_requested().await;
    sleep(DRAIN).await;
    Ok(())
}
