//! A program that tells systemd of itself: `notified <scenario>`, run by `tests/systemd.rs`.

#[cfg(all(unix, feature = "systemd"))]
fn main() -> lifecycle::Outcome {
    unix::main()
}

#[cfg(not(all(unix, feature = "systemd")))]
fn main() {}

#[cfg(all(unix, feature = "systemd"))]
mod unix {
    use lifecycle::{Context, Outcome, Result, Server, Worker, registry, service};
    use lifecycle_tests::{Journal, blocks, fails, millis, secs, takes};
    use listenfd::ListenFd;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::runtime::Builder;

    pub(crate) fn main() -> Outcome {
        let scenario = std::env::args().nth(1).unwrap();
        let mut builder = Builder::new_current_thread();
        builder.enable_all();
        // The hours of these pass at once.
        if scenario.starts_with("slow") {
            builder.start_paused(true);
        }
        builder.build().unwrap().block_on(play(&scenario))
    }

    #[service(worker)]
    struct Api;

    impl Worker for Api {
        async fn run(&self, cx: &Context) -> Result {
            cx.stop_channel().await;
            Ok(())
        }

        async fn reload(&self, _: &Context) -> Result {
            println!("reloads");
            Ok(())
        }
    }

    /// Greets each client, on a socket that was opened before the program.
    #[service(server)]
    struct Greeter {
        socket: std::net::TcpListener,
    }

    impl Server for Greeter {
        type Bound = TcpListener;

        async fn bind(&self, _: &Context) -> Result<TcpListener> {
            let socket = self.socket.try_clone()?;
            socket.set_nonblocking(true)?;
            Ok(TcpListener::from_std(socket)?)
        }

        async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
            loop {
                let (mut client, _) = tokio::select! {
                    () = cx.stop_channel() => return Ok(()),
                    accepted = listener.accept() => accepted?,
                };
                client.write_all(b"hello").await?;
            }
        }
    }

    async fn play(scenario: &str) -> Outcome {
        let journal = Journal::new().aloud();
        let script = || journal.script();
        match scenario {
            "serve" => {
                registry! {
                    on_hangup = reload, deadline = "5m",
                    "store" => script().idle(),
                    "api" => Api, after = ["store"],
                }
                .run()
                .await
            }
            "fails" => {
                registry! { "api" => script().startup(fails("no\nport")).idle() }
                    .run()
                    .await
            }
            "slow-start" => {
                let registry = registry! {
                    "store" => script().startup(takes(secs(65))).idle(), start_timeout = "300s",
                    "api" => script().startup(takes(secs(50))).idle(), after = ["store"],
                };
                let running = registry.signals(false).start();
                running.await_healthy().await.unwrap();
                running.stop().await
            }
            "slow-nested" => {
                let inner = registry! { "feed" => script().idle() };
                let running = registry! { "part" => inner }.signals(false).start();
                running.await_healthy().await.unwrap();
                running.stop().await
            }
            "blocks" => {
                let act = takes(millis(350)).then(blocks());
                registry! { "bad" => script().run(act).worker() }
                    .run()
                    .await
            }
            "activated" => {
                let passed = ListenFd::from_env().take_tcp_listener(0).unwrap();
                let socket = passed.expect("a socket");
                registry! { "greeter" => Greeter { socket } }.run().await
            }
            "idles" => registry! { "api" => Api }.run().await,
            _ => panic!("no scenario is called {scenario}"),
        }
    }
}
