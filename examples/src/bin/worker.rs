//! `worker`: a server with its own accept loop. `bind` binds, so that "running" means reachable; `serve` accepts until the
//! stop channel closes; every connection is an isolated task, which stop waits for and whose failure is nobody else's.
//!
//! Anybody can open a connection, so none of them is the service's failure, none holds the stop, and none takes more than
//! its share: of memory, of descriptors, of time.
//!
//! Try: `nc 127.0.0.1 7007`, type a line, or `panic`, then Ctrl-C here. Start it twice: the second says which service failed and why.
//! `worker 127.0.0.1:0` takes a free port.

use std::{
    env, fmt,
    io::{self, Write},
    time::Duration,
};

use lifecycle::{Context, Outcome, Result, Server, StopChannel, registry, service};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    select,
    time::{sleep, timeout},
};

/// The longest line that is echoed, its end included.
const LINE: u64 = 8 * 1024;

/// How long a client may be silent, or not take its answer.
const PATIENCE: Duration = Duration::from_secs(60);

#[service(server)]
struct Echo {
    address: String,
}

impl Server for Echo {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        let listener = TcpListener::bind(&self.address).await?;
        say(format_args!("listening on {}", listener.local_addr()?));
        Ok(listener)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        loop {
            let connection = select! {
                () = cx.stop_channel() => return Ok(()),
                connection = accept(&listener) => connection,
            };
            let stop = cx.stop_channel();
            // A client that goes away, or that makes its task panic, is counted and logged, and no more.
            cx.spawn_isolated(async move {
                converse(connection, stop).await?;
                Ok(())
            });
        }
    }
}

/// The next connection. That no descriptor is left, or that a client has gone again, passes.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => return connection,
            Err(error) => {
                say(format_args!("can't accept: {error}"));
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Echoes until the client or the server has had enough. It hears the stop channel at every moment: a client that neither
/// sends nor reads does not delay the stop.
async fn converse(mut connection: TcpStream, stop: StopChannel) -> io::Result<()> {
    if let Some(ended) = stop.run_until_closed(echo(&mut connection)).await {
        return ended;
    }
    // Sent only if the client has room for it: the stop does not wait.
    connection.try_write(b"goodbye\n").map(drop)
}

/// Answers line by line.
async fn echo(connection: &mut TcpStream) -> io::Result<()> {
    let (input, mut output) = connection.split();
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut input).take(LINE);
        let read = limited.read_until(b'\n', &mut line);
        if timeout(PATIENCE, read).await?? == 0 {
            return Ok(());
        }
        if line.len() as u64 == LINE && !line.ends_with(b"\n") {
            line = b"too long a line\n".to_vec();
            return timeout(PATIENCE, output.write_all(&line)).await?;
        }
        // What a mistake in the code of one connection does to the others: nothing.
        assert!(!line.starts_with(b"panic"), "a client asked for it");
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        timeout(PATIENCE, output.write_all(&line)).await??;
    }
}

/// As `println!`, which panics when the terminal has been closed: then a client could end the service by going away.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

#[tokio::main]
async fn main() -> Outcome {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let address = env::args().nth(1);
    let echo = Echo {
        address: address.unwrap_or_else(|| "127.0.0.1:7007".to_owned()),
    };
    registry! { "echo" => echo }.run().await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod echo {
        use super::*;

        conformance!(Echo {
            address: "127.0.0.1:0".to_owned()
        });
    }
}
