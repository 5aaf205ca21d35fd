using Cellcast.AnnData;

namespace Cellcast.Analysis.Markers;

/// <summary>Marker genes in the form in which scanpy keeps them, <c>uns/rank_genes_groups</c>: one record array each for names, scores, p-values and fold changes, with a field per group, best gene first.</summary>
public static class RankGenesGroups
{
    /// <summary>Most groups that a file can hold this way: the list of fields must fit a header of the file.</summary>
    public const int MostGroups = 500;

    /// <summary>Makes the entry.</summary>
    /// <param name="markers">The ranking.</param>
    /// <param name="genes">Names of the genes.</param>
    /// <param name="groupBy">Column of <c>obs</c> that the groups are from.</param>
    /// <param name="count">Genes per group; null for all.</param>
    /// <param name="layer">Layer that was tested; null for X.</param>
    /// <exception cref="InputException">There are more groups than a file can hold.</exception>
    public static ElementMap Of(MarkerGenes markers, IReadOnlyList<string> genes, string groupBy, int? count = null, string? layer = null)
    {
        ArgumentNullException.ThrowIfNull(markers);
        ArgumentNullException.ThrowIfNull(genes);
        ArgumentException.ThrowIfNullOrEmpty(groupBy);
        if (markers.Groups.Count > MostGroups) throw new InputException($"marker genes of {markers.Groups.Count} groups do not fit h5ad, which holds at most {MostGroups}; write them as a table, or group by another column than '{groupBy}'.");
        int length = Math.Min(count ?? int.MaxValue, genes.Count);
        RecordArray Records<T>(Func<GroupMarkers, int, T> value) =>
            new(markers.Groups.Select(g => KeyValuePair.Create(g.Group, new NdArray(g.Order.Take(length).Select(k => value(g, k)).ToArray()))));
        DataFrame Shares(Func<GroupMarkers, double[]> value)
        {
            var table = new DataFrame([.. genes]);
            foreach (var g in markers.Groups) table.Set(g.Group, value(g));
            return table;
        }
        var parameters = new ElementMap
        {
            ["groupby"] = new Scalar(groupBy),
            ["reference"] = new Scalar(markers.Options.Reference ?? "rest"),
            ["method"] = new Scalar(markers.Options.Test switch { MarkerTest.Welch => "t-test", MarkerTest.WelchOverestimatedVariance => "t-test_overestim_var", _ => "wilcoxon" }),
            ["use_raw"] = new Scalar(false),
            ["corr_method"] = new Scalar("benjamini-hochberg"),
        };
        if (markers.Options.Test == MarkerTest.Wilcoxon) parameters["tie_correct"] = new Scalar(markers.Options.TieCorrection);
        if (layer is not null) parameters["layer"] = new Scalar(layer);
        var result = new ElementMap { ["params"] = parameters };
        // Columns of a table are names in the file, which hold no slash; fields of records may.
        if (!markers.Groups.Any(g => g.Group.Contains('/', StringComparison.Ordinal)))
        {
            result["pts"] = Shares(g => g.Shares);
            if (markers.Options.Reference is null) result["pts_rest"] = Shares(g => g.ReferenceShares);
        }
        foreach (var (key, records) in new ElementMap
        {
            ["names"] = Records((_, k) => genes[k]),
            ["scores"] = Records((g, k) => (float)g.Scores[k]),
            ["pvals"] = Records((g, k) => g.PValues[k]),
            ["pvals_adj"] = Records((g, k) => g.QValues[k]),
            ["logfoldchanges"] = Records((g, k) => (float)g.LogFoldChanges[k]),
        }) result[key] = records;
        return result;
    }
}
