//! containerd's snapshots: layers that are ready to run.

use std::sync::atomic::{AtomicU64, Ordering};

use containerd_client::services::v1::diff_client::DiffClient;
use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::snapshots::{
    CommitSnapshotRequest, PrepareSnapshotRequest, RemoveSnapshotRequest, StatSnapshotRequest,
};
use containerd_client::services::v1::{AddResourceRequest, ApplyRequest, Resource};
use containerd_client::tonic::Code;

use super::images::wire;
use super::refused::refused;
use super::session::Session;
use crate::bindings::images::ocix::image::types::Descriptor;
use crate::error::{Error, ErrorCode, Fault, error, shown};

impl Session {
    /// Unpacks a layer onto its parent, as the snapshot `chain`, unless that is there; answers the snapshotter.
    ///
    /// # Errors
    /// containerd's; `digest-mismatch` when the layer's tar is not what `diff_id` says.
    pub async fn unpack(
        &self,
        layer: Descriptor,
        diff_id: &str,
        chain: &str,
        parent: Option<String>,
    ) -> Result<String, Error> {
        let snapshotter = self.containerd().snapshotter.clone();
        self.hold(&snapshotter, chain).await?;
        if !self.has(&snapshotter, chain).await? {
            let key = format!("ocix-{}-{} {chain}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let extracted = self.extract(&snapshotter, &key, layer, diff_id, chain, parent.unwrap_or_default()).await;
            if extracted.is_err() {
                self.remove(&snapshotter, &key).await;
            }
            extracted?;
        }
        Ok(snapshotter)
    }

    /// Lets the lease hold a snapshot, made by whomever.
    async fn hold(&self, snapshotter: &str, chain: &str) -> Result<(), Error> {
        let id = self.lease().await?.to_str().unwrap_or_default().to_owned();
        let resource = Resource { id: chain.to_owned(), r#type: format!("snapshots/{snapshotter}") };
        let request = self.request(AddResourceRequest { id, resource: Some(resource) });
        let held = LeasesClient::new(self.channel()).add_resource(request).await;
        held.map(drop).map_err(|why| refused(&format!("hold the snapshot {chain}"), &why))
    }

    async fn has(&self, snapshotter: &str, chain: &str) -> Result<bool, Error> {
        let message = StatSnapshotRequest { snapshotter: snapshotter.to_owned(), key: chain.to_owned() };
        match SnapshotsClient::new(self.channel()).stat(self.request(message)).await {
            Ok(_) => Ok(true),
            Err(why) if why.code() == Code::NotFound => Ok(false),
            Err(why) => Err(refused(&format!("use the snapshotter `{}`", shown(snapshotter)), &why)),
        }
    }

    async fn extract(
        &self,
        snapshotter: &str,
        key: &str,
        layer: Descriptor,
        diff_id: &str,
        chain: &str,
        parent: String,
    ) -> Result<(), Error> {
        let digest = layer.digest.clone();
        let failed = |why| refused(&format!("unpack the layer {digest}"), &why);
        let mut snapshots = SnapshotsClient::new(self.channel());
        let (snapshotter, key) = (snapshotter.to_owned(), key.to_owned());
        let (prepared, labels) = (snapshotter.clone(), Default::default());
        let prepare = PrepareSnapshotRequest { snapshotter: prepared, key: key.clone(), parent, labels };
        let mounts = snapshots.prepare(self.leased(prepare).await?).await.map_err(failed)?.into_inner().mounts;
        let apply = ApplyRequest { diff: Some(wire(layer)), mounts, ..ApplyRequest::default() };
        let applied = DiffClient::new(self.channel()).apply(self.leased(apply).await?).await.map_err(failed)?;
        let is = applied.into_inner().applied.unwrap_or_default().digest;
        if is != diff_id {
            let message = format!("layer {digest} has the diff ID {}, and its config says {diff_id}", shown(&is));
            return Err(error(Fault::Source, ErrorCode::DigestMismatch(is), message));
        }
        let commit = CommitSnapshotRequest { snapshotter, name: chain.to_owned(), key, ..Default::default() };
        match snapshots.commit(self.leased(commit).await?).await {
            // Somebody else was faster.
            Err(why) if why.code() == Code::AlreadyExists => Ok(()),
            other => other.map(drop).map_err(failed),
        }
    }

    /// Takes away a snapshot that was begun. What cannot be taken away goes when the lease does.
    async fn remove(&self, snapshotter: &str, key: &str) {
        let message = RemoveSnapshotRequest { snapshotter: snapshotter.to_owned(), key: key.to_owned() };
        let _ = SnapshotsClient::new(self.channel()).remove(self.request(message)).await;
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);
