//! Requests that are under way to a registry in memory, and what breaks on their way.

use std::rc::Rc;

use super::clock::{self, once_round};
use super::world::World;
use super::{Answer, Asked, Heard};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{self, Response};

/// A request that is under way.
pub struct Exchange {
    world: Rc<World>,
    number: usize,
    scripted: Option<Answer>,
    settled: bool,
    stood_still: bool,
}

/// The body of a response.
pub struct Input {
    rest: Vec<u8>,
    endless: bool,
    breaks: bool,
    slow: bool,
}

impl Exchange {
    /// Asks the script, and begins.
    pub fn start(world: &Rc<World>, request: media::Request) -> Self {
        let asked = Asked { request, body: Vec::new(), offered: 0, at: clock::now(), heard: None };
        let scripted = (world.script)(&asked);
        let number = world.asked.borrow().len();
        world.asked.borrow_mut().push(asked);
        world.open.set(world.open.get() + 1);
        world.most_open.set(world.most_open.get().max(world.open.get()));
        Self { world: Rc::clone(world), number, scripted, settled: false, stood_still: false }
    }

    fn asked(&self) -> Asked {
        self.world.asked.borrow()[self.number].clone()
    }

    /// What comes of the request: an answer, or nothing when fewer bytes came than were said.
    fn settle(&mut self) -> Option<Answer> {
        self.settled = true;
        let asked = self.asked();
        let whole = asked.body.len() as u64 == asked.request.content_length;
        match self.scripted.take() {
            Some(scripted) if whole || scripted.takes < usize::MAX => Some(self.world.follow(&asked, scripted)),
            None if whole => Some(self.world.answer(&asked)),
            _ => {
                self.world.keep(&asked);
                None
            }
        }
    }

    /// As long as a host waits for a peer that does nothing.
    async fn stand_still(&mut self) {
        if self.scripted.as_ref().is_some_and(|answer| answer.stalls) && !self.stood_still {
            self.stood_still = true;
            clock::sleep(PATIENCE).await;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.settled {
            self.settle();
        }
        self.world.open.set(self.world.open.get() - 1);
    }
}

impl media::Exchange for Exchange {
    type Body = Input;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        once_round().await;
        let takes = self.scripted.as_ref().map_or(usize::MAX, |answer| answer.takes);
        let room = takes.saturating_sub(self.asked().body.len()).min(bytes.len());
        if self.scripted.as_ref().is_some_and(|answer| answer.slow) {
            clock::sleep(1000 * room as u64).await;
        }
        {
            let mut asked = self.world.asked.borrow_mut();
            asked[self.number].offered += bytes.len() as u64;
            asked[self.number].body.extend(&bytes[..room]);
        }
        if room == bytes.len() {
            return Ok(());
        }
        self.stand_still().await;
        Err(gone("the connection was closed: push again"))
    }

    async fn finish(mut self) -> Result<Response<Input>> {
        once_round().await;
        self.stand_still().await;
        let Some(answer) = self.settle() else { return Err(gone("fewer bytes were sent than said: push again")) };
        if answer.stalls {
            return Err(gone("it took and sent nothing for 60 seconds: push again"));
        }
        if answer.status == 0 {
            return Err(gone("the connection was closed: push again"));
        }
        let Answer { status, headers, body: rest, endless, breaks, slow, .. } = answer;
        let heard = Heard { status, headers: headers.clone(), at: clock::now() };
        self.world.asked.borrow_mut()[self.number].heard = Some(heard);
        Ok(Response { status, headers, body: Input { rest, endless, breaks, slow } })
    }
}

impl media::Input for Input {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let most = self.rest.len().min(if self.slow { 1 } else { max as usize });
        if self.slow {
            clock::sleep(1000).await;
        }
        if most == 0 && self.breaks {
            return Err(gone("the connection was closed: push again"));
        }
        Ok(if self.endless { self.rest[..most].to_vec() } else { self.rest.drain(..most).collect() })
    }
}

/// What a host says of a connection that is no more.
fn gone(how: &str) -> Error {
    Error::new(Fault::Registry, Code::Other("connection".into()), how)
}

/// Milliseconds.
const PATIENCE: u64 = 60_000;
