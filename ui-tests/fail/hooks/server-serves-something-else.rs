use std::net::{TcpListener, UdpSocket};

use lifecycle::{Context, Result, Server, service};

#[service(server)]
struct Api;

impl Server for Api {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        Ok(TcpListener::bind("127.0.0.1:0")?)
    }

    async fn serve(&self, _: UdpSocket, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

fn main() {}
