//! `worker`: a server. `startup` binds, so that "running" means reachable; `run` accepts until the stop channel closes;
//! every connection is a task of the service, which stop waits for.
//!
//! Try: `nc 127.0.0.1 7007`, type a line, then Ctrl-C here. Start it twice: the second says which service failed and why.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{io, sync::OnceLock};

use lifecycle::{Context, Outcome, Result, StopChannel, Worker, registry, service};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    select,
};

#[service(worker)]
struct Echo {
    address: &'static str,
    listener: OnceLock<TcpListener>,
}

impl Worker for Echo {
    async fn startup(&self, _: &Context) -> Result {
        let listener = TcpListener::bind(self.address).await?;
        println!("listening on {}", self.address);
        self.listener.get_or_init(|| listener);
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        let listener = self.listener.get().ok_or("not bound")?;
        let stop = cx.stop_channel();
        loop {
            let connection = select! {
                () = stop.closed() => return Ok(()),
                accepted = listener.accept() => accepted?.0,
            };
            let stop = stop.clone();
            cx.spawn(async move {
                // A client that goes away is no failure of the server.
                let _ = echo(connection, stop).await;
                Ok(())
            });
        }
    }
}

/// Answers line by line; between two lines it hears the stop channel.
async fn echo(mut connection: TcpStream, stop: StopChannel) -> io::Result<()> {
    let (input, mut output) = connection.split();
    let mut lines = BufReader::new(input).lines();
    loop {
        let line = select! {
            () = stop.closed() => return output.write_all(b"goodbye\n").await,
            line = lines.next_line() => line?,
        };
        match line {
            Some(line) => output.write_all(format!("{line}\n").as_bytes()).await?,
            None => return Ok(()),
        }
    }
}

#[tokio::main]
async fn main() -> Outcome {
    registry! { "echo" => Echo { address: "127.0.0.1:7007", listener: OnceLock::new() } }
        .run()
        .await
}
