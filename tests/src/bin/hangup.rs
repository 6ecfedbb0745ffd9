//! A program to send SIGHUP to: `hangup <scenario> <runtime>`, run by `tests/hangup.rs`.

#[cfg(unix)]
fn main() -> lifecycle::Outcome {
    unix::main()
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::sync::atomic::{AtomicU32, Ordering};

    use lifecycle::{Context, OnHangup, Outcome, Registry, Result, Worker, registry, service};
    use lifecycle_tests::{Journal, millis, secs};
    use tokio::runtime::Builder;
    use tokio::signal::unix::{SignalKind, signal};
    use tokio::time::sleep;

    pub(crate) fn main() -> Outcome {
        let mut arguments = std::env::args().skip(1);
        let (scenario, runtime) = (arguments.next().unwrap(), arguments.next().unwrap());
        let mut builder = match &*runtime {
            "current" => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build().unwrap();
        runtime.block_on(play(&scenario))
    }

    /// Reloads for 50 ms, and counts.
    #[service(worker)]
    struct Config(AtomicU32);

    impl Worker for Config {
        async fn run(&self, cx: &Context) -> Result {
            // When this is printed the service may be asked to reload.
            let handle = cx.handle();
            cx.spawn(async move {
                handle.await_healthy().await?;
                println!("config is up");
                Ok(())
            });
            cx.stop_channel().await;
            println!("asked: {}", cx.cause().unwrap());
            Ok(())
        }

        async fn reload(&self, _: &Context) -> Result {
            let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            println!("reload {count}");
            sleep(millis(50)).await;
            println!("reloaded {count}");
            Ok(())
        }

        async fn drain(&self, _: &Context) -> Result {
            println!("drained");
            Ok(())
        }
    }

    fn config() -> Config {
        Config(AtomicU32::new(0))
    }

    async fn play(scenario: &str) -> Outcome {
        let plain = || registry! { "config" => config() };
        match scenario {
            "default" => plain().run().await,
            "reload" => {
                registry! { on_hangup = reload, "config" => config() }
                    .run()
                    .await
            }
            "reload-without-signals" => reloading(plain()).signals(false).run().await,
            "stop" => {
                registry! { on_hangup = stop, "config" => config() }
                    .run()
                    .await
            }
            "stop-slowly" => {
                let journal = Journal::new().aloud();
                let slow = journal
                    .script()
                    .drain(lifecycle_tests::takes(secs(8)))
                    .worker();
                registry! { on_hangup = stop, "config" => config(), "slow" => slow }
                    .run()
                    .await
            }
            "ignore" => plain().on_hangup(OnHangup::Ignore).run().await,
            "after" => {
                let outcome = reloading(plain()).run().await;
                println!("over");
                sleep(secs(9)).await;
                outcome
            }
            "beside" => {
                let mut hangups = signal(SignalKind::hangup()).unwrap();
                tokio::spawn(async move {
                    while hangups.recv().await.is_some() {
                        println!("heard");
                    }
                });
                let outcome = reloading(plain()).run().await;
                println!("over");
                sleep(millis(300)).await;
                println!("still there");
                sleep(millis(300)).await;
                outcome
            }
            _ => panic!("no scenario is called {scenario}"),
        }
    }

    fn reloading(registry: Registry) -> Registry {
        registry.on_hangup(OnHangup::Reload)
    }
}
