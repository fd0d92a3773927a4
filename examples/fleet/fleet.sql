-- From the snapshots of a fleet to its page: plain SQL, for any engine. `run.py` runs it on Apache DataFusion.
-- Statements are separated by semicolons; each names what it answers. Tables: snapshots (device, version, metric, bucket, n),
-- reference (metric, bucket, n), regions (bucket, region).

-- name: merged
-- Counts merge by addition, whatever the order and however they were split.
CREATE TABLE merged AS
SELECT version, metric, bucket, SUM(n) AS n FROM snapshots GROUP BY version, metric, bucket;

-- name: latency
-- Bucket b of an exponential histogram of scale 2 ends at 2^((b + 1) / 4) s; its geometric middle stands for it.
WITH cumulated AS (
    SELECT version, bucket,
        SUM(n) OVER (PARTITION BY version ORDER BY bucket) AS below,
        SUM(n) OVER (PARTITION BY version) AS total
    FROM merged WHERE metric = 'latency'
), quantiles AS (
    SELECT 0.5 AS q UNION ALL SELECT 0.95 UNION ALL SELECT 0.99
)
SELECT version, q, 1000 * power(2.0, (MIN(bucket) + 0.5) / 4) AS ms, MAX(total) AS runs
FROM cumulated CROSS JOIN quantiles WHERE below >= ceil(q * total)
GROUP BY version, q ORDER BY version, q;

-- name: drift
-- The population stability index, with half an observation of the smaller sample in each bin; significant at 1% by
-- chi-square with nine degrees of freedom (21.666), and large enough to matter from 0.1 on.
WITH bins AS (
    SELECT v.version, r.metric, r.bucket, CAST(COALESCE(m.n, 0) AS DOUBLE) AS live, CAST(r.n AS DOUBLE) AS ref
    FROM reference r CROSS JOIN (SELECT DISTINCT version FROM merged) v
    LEFT JOIN merged m ON m.version = v.version AND m.metric = r.metric AND m.bucket = r.bucket
), totals AS (
    SELECT *, SUM(live) OVER (PARTITION BY version, metric) AS n, SUM(ref) OVER (PARTITION BY version, metric) AS m,
        COUNT(*) OVER (PARTITION BY version, metric) AS bins
    FROM bins
), shares AS (
    SELECT version, metric, n, m,
        (live + 0.5 * n / LEAST(n, m)) / (n + 0.5 * n / LEAST(n, m) * bins) AS p,
        (ref + 0.5 * m / LEAST(n, m)) / (m + 0.5 * m / LEAST(n, m) * bins) AS q
    FROM totals
), indices AS (
    SELECT version, metric, MAX(n) AS sessions, SUM((p - q) * ln(p / q)) AS psi, MAX(1 / n + 1 / m) AS noise
    FROM shares GROUP BY version, metric
)
SELECT version, metric, CAST(sessions AS BIGINT) AS sessions, psi,
    CASE WHEN psi <= GREATEST(21.666 * noise, 0.02) THEN 'stable' WHEN psi < 0.1 THEN 'warn' ELSE 'drift' END AS verdict
FROM indices ORDER BY version, metric;

-- name: slices
SELECT r.region, SUM(CASE WHEN m.metric = 'region_events' THEN n ELSE 0 END) AS events,
    SUM(CASE WHEN m.metric = 'region_labels' THEN n ELSE 0 END) AS labels,
    SUM(CASE WHEN m.metric = 'region_wrong' THEN n ELSE 0 END) AS wrong,
    CAST(SUM(CASE WHEN m.metric = 'region_wrong' THEN n ELSE 0 END) AS DOUBLE)
        / NULLIF(SUM(CASE WHEN m.metric = 'region_labels' THEN n ELSE 0 END), 0) AS error_rate
FROM merged m JOIN regions r ON r.bucket = m.bucket
WHERE m.metric LIKE 'region_%' GROUP BY r.region ORDER BY r.region;

-- name: reliability
SELECT bucket, SUM(CASE WHEN metric = 'reliability_labels' THEN n ELSE 0 END) AS labels,
    CAST(SUM(CASE WHEN metric = 'reliability_happened' THEN n ELSE 0 END) AS DOUBLE)
        / SUM(CASE WHEN metric = 'reliability_labels' THEN n ELSE 0 END) AS happened
FROM merged WHERE metric LIKE 'reliability_%' GROUP BY bucket
HAVING SUM(CASE WHEN metric = 'reliability_labels' THEN n ELSE 0 END) > 0 ORDER BY bucket;

-- name: bins
SELECT m.version, m.metric, m.bucket, CAST(m.n AS DOUBLE) / SUM(m.n) OVER (PARTITION BY m.version, m.metric) AS share,
    CAST(r.n AS DOUBLE) / SUM(r.n) OVER (PARTITION BY m.version, m.metric) AS expected
FROM merged m JOIN reference r ON r.metric = m.metric AND r.bucket = m.bucket ORDER BY m.version, m.metric, m.bucket;

-- name: devices
SELECT COUNT(DISTINCT device) AS devices, COUNT(*) AS counts FROM snapshots;
