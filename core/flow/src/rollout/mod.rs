//! How a candidate comes to users: who gets it, how far it has come, and what stops it.
//! **Invariant:** a unit that has the candidate keeps it while the share grows; only a guardrail takes it away.
//! It does not collect measurements and does not swap models: the host does both.

mod bucket;
mod guardrail;
mod shadow;
mod stages;

pub(crate) use self::shadow::Slack;
pub use self::{
    bucket::{BUCKETS, BucketRange, bucket},
    guardrail::{Arm, Guardrail, GuardrailConfig, Harm, Inconclusive, Look, Verdict},
    shadow::{Agreement, Shadow, ShadowConfig, ShadowCounts, ShadowResult, ShadowTicket},
    stages::{Halt, Phase, Rollout, Stage},
};
