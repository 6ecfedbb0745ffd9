//! `ractor`: named actors under a supervisor, ticks as messages that a timer sends.

use ::ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::contender::Contender;
use crate::work::{Begun, DRAIN, Kind, Meter, PERIOD, Work};

/// See the module.
#[derive(Debug)]
pub struct Ractor {
    root: ActorRef<()>,
    ended: JoinHandle<()>,
}

struct Root;
struct Idle;
struct Hooks(&'static Begun);
struct Tick(&'static Meter);
struct Drain;

impl Actor for Root {
    type Msg = ();
    type State = ();
    type Arguments = Work;

    async fn pre_start(&self, myself: ActorRef<()>, work: Work) -> Result<(), ActorProcessingErr> {
        for (index, &name) in work.names.iter().enumerate() {
            let (name, root) = (Some(name.to_owned()), myself.get_cell());
            match work.kind {
                Kind::Idle => drop(Actor::spawn_linked(name, Idle, (), root).await?),
                Kind::Hooks => drop(Actor::spawn_linked(name, Hooks(work.begun), (), root).await?),
                Kind::Tick => {
                    let meter = &work.meters[index];
                    drop(Actor::spawn_linked(name, Tick(meter), (), root).await?);
                }
                Kind::Drain => drop(Actor::spawn_linked(name, Drain, (), root).await?),
            }
        }
        Ok(())
    }
}

impl Actor for Idle {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

impl Actor for Hooks {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        self.0.tell();
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<()>, (): &mut ()) -> Result<(), ActorProcessingErr> {
        self.0.take_back();
        Ok(())
    }
}

impl Actor for Tick {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        myself.send_interval(PERIOD, || ());
        Ok(())
    }

    async fn handle(&self, _: ActorRef<()>, (): (), (): &mut ()) -> Result<(), ActorProcessingErr> {
        self.0.tick();
        Ok(())
    }
}

impl Actor for Drain {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<()>, (): &mut ()) -> Result<(), ActorProcessingErr> {
        sleep(DRAIN).await;
        Ok(())
    }
}

impl Contender for Ractor {
    type Assembled = Work;
    type Running = Self;

    fn assemble(work: Work) -> Work {
        work
    }

    async fn start(work: Work) -> Self {
        let root = Actor::spawn(Some("root".to_owned()), Root, work).await;
        let (root, ended) = root.expect("nothing can fail");
        Self { root, ended }
    }

    async fn stop(running: Self) {
        running.root.stop_children_and_wait(None, None).await;
        running.root.stop(None);
        running.ended.await.expect("nothing panics");
    }
}
