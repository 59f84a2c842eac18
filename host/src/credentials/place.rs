//! What a credential is for: a registry, perhaps one repository of it; and how files and helpers call it.

/// A registry, and what is beneath it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In lower case, with the port unless that is TLS's own. Docker Hub by the name under which `docker login` keeps it.
    pub host: String,
    /// A repository, or what its name begins with; empty for all.
    path: String,
}

impl Place {
    /// `HOST[:PORT][/REPOSITORY]`, or the URL of a registry's interface, as older files have it.
    pub fn parse(text: &str) -> Self {
        let (secure, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (!scheme.eq_ignore_ascii_case("http"), rest),
            None => (true, text),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(if secure { ":443" } else { ":80" }).unwrap_or(&host);
        let host = if HUB_NAMES.contains(&host) { HUB } else { host };
        let path = path.trim_matches('/');
        let path = if ["v1", "v2"].contains(&path) { "" } else { path };
        Self { host: host.to_owned(), path: path.to_owned() }
    }

    /// How Docker writes it as a key, and tells a helper of it.
    pub fn server(&self) -> String {
        if self.host == HUB { HUB_KEY.to_owned() } else { self.host.clone() }
    }

    /// Where its interface is.
    pub fn endpoint(&self) -> &str {
        if self.host == HUB { "registry-1.docker.io" } else { &self.host }
    }

    /// Whether what is kept under `key` is for this place: how long the path is that says so.
    pub fn fits(&self, key: &str) -> Option<usize> {
        let key = Self::parse(key);
        let rest = self.path.strip_prefix(&key.path)?;
        let beneath = key.path.is_empty() || rest.is_empty() || rest.starts_with('/');
        (self.host == key.host && beneath).then_some(key.path.len())
    }
}

/// Docker Hub, as `docker login` calls it.
const HUB: &str = "index.docker.io";

/// The key of Docker Hub in every file.
const HUB_KEY: &str = "https://index.docker.io/v1/";

const HUB_NAMES: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_for_what_they_say() {
        let table = [
            ("r.example", "r.example", Some(0)),
            ("R.Example:443", "r.example", Some(0)),
            ("https://r.example/v2/", "r.example", Some(0)),
            ("http://r.example:80", "r.example", Some(0)),
            ("r.example:5000", "r.example", None),
            ("r.example", "r.example:5000", None),
            ("other.example", "r.example", None),
            ("https://index.docker.io/v1/", "docker.io", Some(0)),
            ("registry-1.docker.io", "https://index.docker.io/v1/", Some(0)),
            ("docker.io/library", "docker.io/library/alpine", Some(7)),
            ("r.example/team", "r.example/team/app", Some(4)),
            ("r.example/team/", "r.example/team", Some(4)),
            ("r.example/team", "r.example/teams/app", None),
            // What is for some repositories is not for the registry.
            ("r.example/team", "r.example", None),
        ];
        for (key, place, length) in table {
            assert_eq!(Place::parse(place).fits(key), length, "{key} for {place}");
        }
    }

    #[test]
    fn helpers_are_told_what_docker_tells_them() {
        for (place, server) in
            [("docker.io", HUB_KEY), (HUB_KEY, HUB_KEY), ("r.example:5000/team/app", "r.example:5000")]
        {
            assert_eq!(Place::parse(place).server(), server);
        }
    }
}
