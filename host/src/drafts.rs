//! Files that nobody is to see yet: each is remembered with the folder that it is in, and goes unless it is kept.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, unlinkat};

/// Unpublished files of one place. What is still here when this is dropped is removed.
#[derive(Default)]
pub struct Drafts(Mutex<BTreeMap<OsString, Arc<OwnedFd>>>);

impl Drafts {
    /// Adds a file, whose name no other here has.
    pub fn remember(&self, name: impl Into<OsString>, folder: Arc<OwnedFd>) {
        self.all().insert(name.into(), folder);
    }

    /// It is published, and stays.
    pub fn keep(&self, name: impl AsRef<OsStr>) {
        self.all().remove(name.as_ref());
    }

    /// Removes a file, unless it was kept.
    pub fn forget(&self, name: impl AsRef<OsStr>) {
        if let Some(folder) = self.all().remove(name.as_ref()) {
            remove(name.as_ref(), &folder);
        }
    }

    /// Removes every file that was not kept, also those of writes that still wait for the disk.
    pub fn forget_all(&self) {
        std::mem::take(&mut *self.all()).iter().for_each(|(name, folder)| remove(name, folder));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<OsString, Arc<OwnedFd>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Drafts {
    fn drop(&mut self) {
        self.forget_all();
    }
}

fn remove(name: &OsStr, folder: &OwnedFd) {
    // What cannot be removed has to stay: nobody is left to be told.
    let _ = unlinkat(folder, name, AtFlags::empty());
}
