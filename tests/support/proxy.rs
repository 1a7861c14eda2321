//! A TCP proxy that fails on demand, for any protocol of requests and replies.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What happens to what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Replies come this much later.
    Delay(Duration),
    /// One reply comes this much later, and then all is well.
    DelayOnce(Duration),
    /// Requests arrive; the connection is reset instead of replying, once, and then all is well.
    ResetReplyOnce,
    /// Requests arrive; replies never come. Connections stay open until the fault ends.
    DropReplies,
    /// Nothing arrives, nothing comes.
    Silence,
    /// Connections are reset, new ones too.
    Reset,
}

/// A proxy before one server. Ends with the value.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    fault: Arc<watch::Sender<Fault>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy before the server at `to`.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let fault = Arc::new(watch::Sender::new(Fault::None));
        let shared = Arc::clone(&fault);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let fault = Arc::clone(&shared);
                tokio::spawn(async move {
                    // An end by fault or by hanging up is all the same here.
                    let _ = relay(client, to, &fault).await;
                });
            }
        });
        Ok(Self { addr, fault, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.set(Fault::Reset);
    }
}

async fn relay(
    mut client: TcpStream,
    to: SocketAddr,
    faults: &watch::Sender<Fault>,
) -> io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    let (mut request, mut reply) = (vec![0; 16_384], vec![0; 16_384]);
    let mut changes = faults.subscribe();
    let mut lost = false;
    loop {
        let fault = *changes.borrow_and_update();
        // After a lost reply the others would be taken for answers to the wrong requests.
        if fault == Fault::Reset || (lost && fault != Fault::DropReplies) {
            return client.set_zero_linger();
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() {
                return Ok(());
            },
            read = client.read(&mut request), if fault != Fault::Silence => match read? {
                0 => return Ok(()),
                read => server.write_all(request.get(..read).unwrap_or_default()).await?,
            },
            read = server.read(&mut reply) => {
                let read = read?;
                let bytes = reply.get(..read).unwrap_or_default();
                let fault = *faults.borrow();
                match fault {
                    _ if read == 0 => return Ok(()),
                    Fault::None => {}
                    Fault::Delay(by) => tokio::time::sleep(by).await,
                    Fault::DelayOnce(by) => {
                        faults.send_replace(Fault::None);
                        tokio::time::sleep(by).await;
                    }
                    Fault::DropReplies | Fault::Silence => {
                        lost = true;
                        continue;
                    }
                    Fault::ResetReplyOnce => {
                        faults.send_replace(Fault::None);
                        return client.set_zero_linger();
                    }
                    Fault::Reset => return client.set_zero_linger(),
                }
                client.write_all(bytes).await?;
            }
        }
    }
}
