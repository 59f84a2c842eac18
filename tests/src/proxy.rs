//! What stands between a client and a registry: a gateway that limits bodies and cuts connections by a plan, and a proxy that tunnels.

use std::io::{BufRead, BufReader, Read, Write, copy};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a gateway does to requests. The same plan does the same to the same requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// Bodies of more bytes are answered with 413.
    pub body_limit: Option<u64>,
    /// One of so many connections is cut.
    pub cut_every: Option<u64>,
    /// Decides which one, and where.
    pub seed: u64,
}

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Before the registry sees anything.
    Request,
    /// When half of the body is through; a request without a body as before it.
    Body,
    /// The registry has done what was asked, and its answer is lost.
    Answer,
}

/// What went through a gateway, in the order of the requests' heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// `METHOD TARGET`.
    pub request: String,
    /// Bytes of its body, as it was announced.
    pub body: u64,
    /// What was done to it.
    pub cut: Option<Cut>,
}

/// A gateway before a registry, one exchange a connection; runs until dropped.
pub struct Gateway {
    listening: Listening,
    passed: Arc<Mutex<Vec<Passed>>>,
}

/// A proxy for TLS: it answers `CONNECT` and copies; runs until dropped.
pub struct Tunnel {
    listening: Listening,
    targets: Arc<Mutex<Vec<String>>>,
}

struct Listening {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Gateway {
    /// Before the registry at `HOST:PORT`, on a free loopback port.
    pub fn start(registry: &str, plan: Plan) -> Self {
        let passed: Arc<Mutex<Vec<Passed>>> = Arc::default();
        let (log, registry) = (passed.clone(), registry.to_owned());
        let listening = Listening::start(move |client| {
            let _ = pass(client, &registry, plan, &log);
        });
        Self { listening, passed }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.listening.address.to_string()
    }

    /// What went through so far.
    pub fn passed(&self) -> Vec<Passed> {
        self.passed.lock().unwrap().clone()
    }
}

impl Tunnel {
    /// On a free loopback port.
    pub fn start() -> Self {
        let targets: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = targets.clone();
        let listening = Listening::start(move |client| {
            let _ = tunnel(client, &log);
        });
        Self { listening, targets }
    }

    /// As variables of the environment name it.
    pub fn url(&self) -> String {
        format!("http://{}", self.listening.address)
    }

    /// Where clients wanted to go so far.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

impl Plan {
    /// What happens to the connection of this number, from 0 on.
    pub fn cut(&self, number: u64) -> Option<Cut> {
        let every = self.cut_every?;
        // One in each row of `every`, at a place that the seed decides.
        let random = mixed(self.seed ^ mixed(number / every));
        let hit = number % every == random % every;
        hit.then(|| [Cut::Request, Cut::Body, Cut::Answer][(random >> 32) as usize % 3])
    }
}

impl Listening {
    fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, serve) = (Arc::new(AtomicBool::new(false)), Arc::new(serve));
        let over = stop.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let serve = serve.clone();
                std::thread::spawn(move || serve(connection));
            }
        });
        Self { address, stop }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// One exchange.
fn pass(client: TcpStream, registry: &str, plan: Plan, log: &Mutex<Vec<Passed>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(&client);
    let head = head(&mut reader)?;
    let Some(first) = head.first() else { return Ok(()) };
    let header = |name: &str| {
        let mut pairs = head.iter().skip(1).filter_map(|line| line.split_once(':'));
        pairs.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let body: u64 = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let request = first.rsplit_once(' ').map_or(first.as_str(), |(request, _)| request).to_owned();
    let cut = {
        let mut log = log.lock().unwrap();
        let cut = plan.cut(log.len() as u64);
        log.push(Passed { request, body, cut });
        cut
    };
    if plan.body_limit.is_some_and(|limit| body > limit) {
        // As nginx does it: the answer comes at once, and the body is read a little longer, so that it arrives.
        let text = "<html>413 Request Entity Too Large</html>";
        let answer = format!(
            "HTTP/1.1 413 Request Entity Too Large\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        );
        (&client).write_all(answer.as_bytes())?;
        client.shutdown(Shutdown::Write)?;
        copy(&mut reader.take(body), &mut std::io::sink())?;
        return Ok(());
    }
    if cut == Some(Cut::Request) {
        return client.shutdown(Shutdown::Both);
    }
    let mut upstream = TcpStream::connect(registry)?;
    let kept = head.iter().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let lines: String = kept.map(|line| format!("{line}\r\n")).collect();
    upstream.write_all(format!("{lines}connection: close\r\n\r\n").as_bytes())?;
    let through = if cut == Some(Cut::Body) { body / 2 } else { body };
    copy(&mut reader.take(through), &mut upstream)?;
    if cut == Some(Cut::Body) {
        upstream.shutdown(Shutdown::Both)?;
        return client.shutdown(Shutdown::Both);
    }
    if cut == Some(Cut::Answer) {
        copy(&mut upstream, &mut std::io::sink())?;
    } else {
        copy(&mut upstream, &mut &client)?;
    }
    client.shutdown(Shutdown::Both)
}

fn tunnel(client: TcpStream, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let head = head(&mut BufReader::new(&client))?;
    let words: Vec<&str> = head.first().map(|line| line.split(' ').collect()).unwrap_or_default();
    let ["CONNECT", target, _] = words.as_slice() else { return client.shutdown(Shutdown::Both) };
    log.lock().unwrap().push((*target).to_owned());
    let upstream = TcpStream::connect(target)?;
    (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let back = (upstream.try_clone()?, client.try_clone()?);
    let copied = std::thread::spawn(move || {
        let _ = copy(&mut &back.0, &mut &back.1);
        back.1.shutdown(Shutdown::Write)
    });
    let _ = copy(&mut &client, &mut &upstream);
    upstream.shutdown(Shutdown::Write)?;
    let _ = copied.join();
    Ok(())
}

/// Lines up to the empty one.
fn head(reader: &mut impl BufRead) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.by_ref().take(64 << 10).read_line(&mut line)?;
        match line.trim_end() {
            "" => return Ok(lines),
            line => lines.push(line.to_owned()),
        }
    }
}

/// SplitMix64's last steps.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_every_five_is_cut() {
        let cuts = |seed| (0..50).map(move |number| Plan { cut_every: Some(5), seed, ..Plan::default() }.cut(number));
        for seed in 0..20 {
            let all: Vec<_> = cuts(seed).collect();
            assert!(all.chunks(5).all(|row| row.iter().flatten().count() == 1), "{seed}: {all:?}");
            assert_eq!(all, cuts(seed).collect::<Vec<_>>());
        }
        let kinds: Vec<_> = cuts(1).flatten().collect();
        assert!([Cut::Request, Cut::Body, Cut::Answer].iter().all(|cut| kinds.contains(cut)), "{kinds:?}");
    }
}
