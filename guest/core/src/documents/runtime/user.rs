//! `User` of an image's config: `user` or `uid`, and behind a colon `group` or `gid`. Names are looked up in the image's own files (passwd(5),
//! group(5)), numbers are taken as they are.

use crate::error::{Code, Error, Fault, Result};
use crate::text::shown;

/// The image's own users and groups, as the files have them; empty where there is no file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// `etc/passwd`.
    pub passwd: Vec<u8>,
    /// `etc/group`.
    pub group: Vec<u8>,
}

/// Who a container's process is.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub uid: u32,
    pub gid: u32,
    /// More groups, in the order of the file.
    pub groups: Vec<u32>,
    /// `/` when nobody says it.
    pub home: String,
}

/// A line of `etc/passwd`.
struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// Who `user` is; root when it is empty. Other groups has only who is named, or is root for want of anything else, and only without a
/// group of its own.
pub fn resolve(user: &str, accounts: &Accounts) -> Result<Found> {
    let (who, group) = match user.split_once(':') {
        Some((who, group)) => (who, Some(group).filter(|group| !group.is_empty())),
        None => (user, None),
    };
    let id = if who.is_empty() { Some(0) } else { number(who)? };
    let passwd = String::from_utf8_lossy(&accounts.passwd);
    let mut known = passwd.lines().filter_map(Account::read);
    let account = known.find(|account| id.map_or(account.name == who, |uid| account.uid == uid));
    let uid = match (id, &account) {
        (Some(uid), _) => uid,
        (None, Some(account)) => account.uid,
        (None, None) => return Err(unknown("user", who, "passwd")),
    };
    let all = String::from_utf8_lossy(&accounts.group);
    let groups = || all.lines().filter_map(read_group);
    let gid = match group {
        None => account.as_ref().map_or(0, |account| account.gid),
        Some(group) => match number(group)? {
            Some(gid) => gid,
            None => groups()
                .find(|(name, ..)| *name == group)
                .map(|(_, gid, _)| gid)
                .ok_or_else(|| unknown("group", group, "group"))?,
        },
    };
    let named = group.is_none() && (id.is_none() || who.is_empty());
    let name = account.as_ref().filter(|_| named).map(|account| account.name);
    let mut more: Vec<u32> = Vec::new();
    for (_, id, members) in groups() {
        if name.is_some_and(|name| members.split(',').any(|member| member == name)) && !more.contains(&id) {
            more.push(id);
        }
    }
    let home = account.map(|account| account.home).filter(|home| !home.is_empty()).unwrap_or("/").to_owned();
    Ok(Found { uid, gid, groups: more, home })
}

impl<'a> Account<'a> {
    /// Lines that are none are passed over, as the C library does it.
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let home = fields.nth(1).unwrap_or_default();
        Some(Self { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
    }
}

/// Its name, its number and who is in it.
fn read_group(line: &str) -> Option<(&str, u32, &str)> {
    let mut fields = line.split(':');
    let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
    Some((name, gid.parse().ok()?, fields.next().unwrap_or_default()))
}

/// None for a name.
fn number(text: &str) -> Result<Option<u32>> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    // The highest one means nobody to the kernel.
    match text.parse::<u32>().ok().filter(|id| *id < u32::MAX) {
        Some(id) => Ok(Some(id)),
        None => Err(Error::malformed(
            "config",
            format!("the image's user `{}` has a number that no system has", shown(text)),
        )),
    }
}

fn unknown(what: &str, name: &str, file: &str) -> Error {
    let message = format!(
        "the image's {what} `{}` is not in its /etc/{file}: unpack it without --bundle, or give the image another user",
        shown(name)
    );
    Error::new(Fault::Source, Code::NotFound, message)
}
