namespace Cellcast.Reports;

/// <summary>Refuses data that would give a broken page.</summary>
internal static class ReportCheck
{
    internal static void Require(ReportData data)
    {
        if (data.Cells is { } cells)
        {
            if (cells.Embeddings.Count == 0) throw new ArgumentException("cells have no embedding", nameof(data));
            Points("cells", cells.Names.Length, [.. cells.Embeddings.SelectMany(e => new[] { (e.Name, e.X.Length), (e.Name, e.Y.Length) }), .. Of(cells.Values, cells.Groups), .. cells.Genes.Select(g => (g.Name, g.Values.Length))]);
            Codes(cells.Groups);
        }
        if (data.Spots is { } spots)
        {
            if (spots.Values.Count == 0) throw new ArgumentException("spots have no value", nameof(data));
            Points("spots", spots.Names.Length, [("x", spots.X.Length), ("y", spots.Y.Length), .. Of(spots.Values, spots.Groups)]);
            Codes(spots.Groups);
        }
        if (data.Patients is { } patients)
        {
            if (patients.Parts.Count == 0) throw new ArgumentException("patients have no part", nameof(data));
            foreach (SurvivalCurve c in patients.Parts.SelectMany(p => p.Curves))
                Points(c.Label, c.Time.Length, [("survival", c.Survival.Length), ("lower", c.Lower.Length), ("upper", c.Upper.Length), ("at risk", c.AtRisk.Length), ("censored", c.Censored.Length)]);
        }
        if (data.Outcome is { } outcome)
        {
            if (outcome.Parts.Count == 0) throw new ArgumentException("the outcome has no part of the patients", nameof(data));
            foreach (OutcomePart p in outcome.Parts)
            {
                Points(p.Title, p.Names.Length, [("predicted", p.Predicted.Length), ("observed", p.Observed.Length)]);
                if (p.Roc is { } roc) Points(p.Title, roc.FalsePositive.Length, [("true positive", roc.TruePositive.Length)]);
            }
        }
        if (data.Quality is { } quality && (quality.Metrics.Count == 0 || quality.Metrics.Any(m => m.Groupings.Count == 0 || m.Groupings.Count != quality.Metrics[0].Groupings.Count)))
            throw new ArgumentException("quality has no metric, or its metrics have different groupings", nameof(data));
        foreach (MarkerRanking r in data.Markers?.Rankings ?? [])
        {
            Points(r.Name, Length(r.Table.Columns[0]), [.. r.Table.Columns.Select(c => (c.Key, Length(c)))]);
            if (r.Table.Columns[0].Key != "gene" || r.Table.Columns.All(c => c.Key != "group")) throw new ArgumentException($"the marker genes of '{r.Name}' have no columns 'gene' and 'group'", nameof(data));
            if (r.Dots is { } d) Points(r.Name, d.Genes.Count * d.Groups.Count, [("shares", d.Shares.Length), ("means", d.Means.Length)]);
        }
        foreach (var (name, table) in ((string, ReportTable?)[])[("clusters", data.Markers?.Clusters), ("genes", data.Genes?.Table), ("patients", data.Patients?.Table), ("patients", data.Outcome?.Table), ("genes of the spots", data.Spots?.Genes), ("cell types", data.Contributions?.Table), ("evaluation", data.Evaluation?.Summary), ("cohorts", data.Pooled?.Cohorts), .. (data.Pooled?.Kinds ?? []).Select(k => (k.Title, (ReportTable?)k.Table))])
            if (table is not null) Points(name, Length(table.Columns[0]), [.. table.Columns.Select(c => (c.Key, Length(c)))]);
        if (data.Genes is { } g)
            foreach (string? key in (string?[])[g.NameColumn, g.XColumn, g.YColumn, g.QColumn])
                if (key is not null && g.Table.Columns.All(c => c.Key != key)) throw new ArgumentException($"genes have no column '{key}'", nameof(data));
        foreach (TrainingStage s in data.Training ?? [])
            Points(s.Name, s.Epoch.Length, [("loss", s.Loss.Length), ("validation", s.Validation.Length), ("running mean", s.RunningMean.Length)]);
        foreach (TrainingRun r in (data.TrainingRuns ?? []).SelectMany(t => t.Runs)) Points(r.Name, r.Epoch.Length, [("values", r.Values.Length)]);
        foreach (ConfusionMatrix c in data.Evaluation?.Confusions ?? [])
            Points(c.Name, c.Labels.Count * c.Labels.Count, [("counts", c.Counts.Count)]);
    }

    private static int Length(ReportColumn c) => c.Text?.Length ?? c.Numbers!.Length;

    private static IEnumerable<(string, int)> Of(IEnumerable<PointValues> values, IEnumerable<PointGroups> groups) =>
        [.. values.Select(v => (v.Name, v.Values.Length)), .. groups.Select(g => (g.Name, g.Codes.Length))];

    private static void Points(string what, int length, IReadOnlyList<(string Name, int Length)> arrays)
    {
        foreach (var (name, found) in arrays)
            if (found != length) throw new ArgumentException($"{what}: '{name}' has {found} values, {length} are expected");
    }

    private static void Codes(IEnumerable<PointGroups> groups)
    {
        foreach (PointGroups g in groups)
            foreach (int c in g.Codes)
                if (c < -1 || c >= g.Labels.Count) throw new ArgumentException($"'{g.Name}' has a code of {c} for {g.Labels.Count} labels");
    }
}
