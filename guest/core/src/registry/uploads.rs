//! Uploads that are under way, so that whoever stops can take them back (OCI distribution spec, "Canceling"; distribution's DELETE of a session).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{join_all, select};

use crate::media::{Exchange, Media, Request};

/// Those of one job, at all of its targets. Clones share them.
#[derive(Clone, Default)]
pub struct Uploads(Rc<Open>);

#[derive(Default)]
struct Open {
    next: Cell<u64>,
    /// How each is taken back.
    requests: RefCell<BTreeMap<u64, Request>>,
}

/// One upload. It stays open when this is dropped, and is then closed with all others.
pub struct Held {
    number: u64,
    uploads: Uploads,
}

impl Uploads {
    /// An upload that has begun, and the request that takes it back.
    pub fn hold(&self, request: Request) -> Held {
        let number = self.0.next.get();
        self.0.next.set(number.saturating_add(1));
        self.0.requests.borrow_mut().insert(number, request);
        Held { number, uploads: self.clone() }
    }

    /// Takes back what was begun and did not come to its end, as far as registries do that within a second.
    pub async fn close<M: Media>(&self, media: &M) {
        let requests = std::mem::take(&mut *self.0.requests.borrow_mut());
        if requests.is_empty() {
            return;
        }
        let closing = join_all(requests.into_values().map(async |request| {
            // Nobody can do anything about one that stays open: registries clean up by themselves.
            if let Ok(exchange) = media.exchange(request).await {
                let _ = exchange.finish().await;
            }
        }));
        select(pin!(closing), pin!(media.sleep(PATIENCE))).await;
    }
}

impl Held {
    /// How it is taken back now.
    pub fn moved(&self, request: Request) {
        self.uploads.0.requests.borrow_mut().insert(self.number, request);
    }

    /// It is no more.
    pub fn release(self) {
        self.uploads.0.requests.borrow_mut().remove(&self.number);
    }
}

/// Milliseconds.
const PATIENCE: u64 = 1000;
