using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Cells and spots with their coordinates and what they can be coloured by.</summary>
internal static class CellPictures
{
    private const int MostCategories = 80, MostColumns = 6, GenesPerEnd = 40, MostTypes = 40;
    private const string RawContribution = "raw_beta_z";
    private static readonly string[] s_own = ["beta_z", "raw_beta_z", "raw_beta_zl", "Hazard_rates", "log_hazard"];

    /// <summary>Contribution of each cell minus the median of all cells: shares of a patient sum to one, so only differences mean something.</summary>
    internal static float[] Contribution(ScSurvReportSource source)
    {
        double[] raw = Columns.Numbers(source.Cells.Obs, RawContribution);
        double median = MedianContribution(source);
        return [.. raw.Select(v => (float)(v - median))];
    }

    /// <summary>Median of the raw contribution over all cells.</summary>
    internal static double MedianContribution(ScSurvReportSource source)
    {
        double[] raw = [.. Columns.Numbers(source.Cells.Obs, RawContribution).Where(double.IsFinite).Order()];
        if (raw.Length == 0) throw new InputException($"'{source.Cells.Source ?? "cells.h5ad"}', obs: has no column '{RawContribution}' with numbers, so it is no result of 'cellcast scsurv fit'.");
        return (raw[(raw.Length - 1) / 2] + raw[raw.Length / 2]) / 2;
    }

    /// <summary>Cells on every embedding that there is.</summary>
    internal static CellSection Cells(ScSurvReportSource source)
    {
        AnnotatedData cells = source.Cells;
        int n = cells.ObservationCount;
        List<Embedding> embeddings = [];
        foreach (var (slot, name, axis) in new[] { ("X_umap", "UMAP", "UMAP"), ("X_tsne", "t-SNE", "t-SNE") })
            if (cells.Obsm.TryGet(slot, out DenseMatrix? m) && m.Columns >= 2) embeddings.Add(new Embedding(name, axis + " 1", axis + " 2", Column(m, 0), Column(m, 1), MapNote(cells, slot)));
        if (cells.Obsm.TryGet("X_scsurv", out DenseMatrix? latent)) embeddings.Add(PrincipalPlane.Of(latent.ToSingle(), n, "X_scsurv"));
        if (embeddings.Count == 0) throw new InputException($"'{cells.Source ?? "cells.h5ad"}': has neither obsm 'X_umap' nor 'X_scsurv', so its cells cannot be drawn.");

        int[] rows = PointSample.Choose(embeddings[0].X, embeddings[0].Y);
        float[] beta = Contribution(source);
        string[] own = [.. s_own, .. new[] { source.LabelColumn, source.SampleColumn }.OfType<string>()];
        return new CellSection
        {
            Count = n,
            SampleNote = rows.Length == n ? null : $"{rows.Length:N0} of {n:N0} cells are drawn: every region keeps its share of the cells. All statistics are of all cells.",
            Names = Take(cells.Obs.Index, rows),
            Embeddings = [.. embeddings.Select(e => e with { X = Take(e.X, rows), Y = Take(e.Y, rows) })],
            Values = [new("contribution", Take(beta, rows), "contribution relative to the median cell (right: worse)", 0), .. Numbers(cells.Obs, own).Select(v => v with { Values = Take(v.Values, rows) })],
            Groups = [.. Groups(cells.Obs, source.LabelColumn, source.SampleColumn).Select(g => g with { Codes = Take(g.Codes, rows) })],
            Genes = Genes(source, rows),
        };
    }

    private static string MapNote(AnnotatedData cells, string slot)
    {
        string note = $"Coordinates: {slot} of the cells' file.";
        if (slot != "X_umap" || !cells.Uns.TryGet(["umap", "params", "use_rep"], out Scalar? representation) || !cells.Uns.TryGet(["umap", "params", "cells_laid_out"], out Scalar? together)) return note;
        int laidOut = (int)together.ToDouble();
        return laidOut >= cells.ObservationCount ? $"UMAP of {representation.Value}." : $"UMAP of {representation.Value}: {laidOut:N0} cells laid out together, the others placed among them.";
    }

    /// <summary>Columns that put cells into groups: the cell type, the sample, then others of few values.</summary>
    internal static IEnumerable<PointGroups> Groups(DataFrame obs, string? label, string? sample)
    {
        string[] first = [.. new[] { label, sample }.OfType<string>().Where(obs.Contains).Distinct()];
        int others = 0;
        foreach (string name in (string[])[.. first, .. obs.ColumnNames.Except(first)])
        {
            bool asked = first.Contains(name);
            if (!asked && (others >= MostColumns || obs[name] is NumericColumn)) continue;
            CategoricalColumn c = obs[name] as CategoricalColumn ?? CategoricalColumn.FromLabels(obs[name].ToText());
            if (!asked && c.Categories.Length is < 2 or > MostCategories) continue;
            if (!asked) others++;
            yield return new PointGroups(name, c.Categories, c.Codes);
        }
    }

    /// <summary>Spots with their hazard and, where known, their cell types and the picture of the tissue.</summary>
    internal static SpotSection? Spots(AnnotatedData spots)
    {
        if (!spots.Obsm.TryGet("spatial", out DenseMatrix? at) || at.Columns < 2) return null;
        float[] x = Column(at, 0), y = Column(at, 1);
        Tissue? tissue = Tissue.Of(spots);
        double scale = tissue?.Scale ?? 1;
        x = [.. x.Select(v => (float)(v * scale))];
        y = [.. y.Select(v => (float)(v * scale))];
        int n = spots.ObservationCount;
        int[] rows = PointSample.Choose(x, y);
        var values = new List<PointValues>
        {
            new("hazard", [.. Columns.Numbers(spots.Obs, "Hazard_rates").Select(v => (float)v)], "hazard relative to the mean over the section (right: worse)", 1, Logarithmic: true),
        };
        if (spots.Obsm.TryGet("cell_type_shares", out DenseMatrix? shares) && spots.Uns.TryGet("cell_types", out NdArray? types) && types.Data is string?[] names && names.Length == shares.Columns)
            for (int t = 0; t < Math.Min(names.Length, MostTypes); t++) values.Add(new($"share of {names[t]}", Column(shares, t), $"share of {names[t]}"));
        values.AddRange(Numbers(spots.Obs, s_own));
        return new SpotSection
        {
            Count = n,
            SampleNote = rows.Length == n ? null : $"{rows.Length:N0} of {n:N0} spots are drawn.",
            Names = Take(spots.Obs.Index, rows),
            X = Take(x, rows),
            Y = Take(y, rows),
            Diameter = tissue?.Diameter ?? PointSpacing.Typical(x, y) * 0.8,
            Image = tissue?.Image,
            Values = [.. values.Select(v => v with { Values = Take(v.Values, rows) })],
            Groups = [.. Groups(spots.Obs, null, null).Select(g => g with { Codes = Take(g.Codes, rows) })],
        };
    }

    private static IEnumerable<PointValues> Numbers(DataFrame obs, IReadOnlyCollection<string> but) => obs.ColumnNames
        .Where(c => !but.Contains(c) && obs[c] is NumericColumn)
        .Select(c => new PointValues(c, [.. Columns.Numbers(obs, c).Select(v => (float)v)]))
        .Where(v => v.Values.Any(float.IsFinite)).Take(MostColumns);

    private static List<GeneExpression> Genes(ScSurvReportSource source, int[] rows)
    {
        if (source.Cells.X is null) return [];
        double[] r = Columns.Numbers(source.Genes, "pearson");
        int[] order = [.. Enumerable.Range(0, r.Length).Where(i => double.IsFinite(r[i])).OrderByDescending(i => r[i])];
        string[] chosen = [.. order.Take(GenesPerEnd).Concat(order.Reverse().Take(GenesPerEnd)).Distinct().Select(i => source.Genes.Index[i])];
        var position = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int g = 0; g < source.Cells.VariableCount; g++) position.TryAdd(source.Cells.Var.Index[g], g);
        chosen = [.. chosen.Where(position.ContainsKey)];
        SparseMatrix logs = Normalization.LogNormalize(source.Cells.X.SelectRows(rows).ToSparse(), 1e4);
        SparseMatrix byGene = logs.SelectColumns([.. chosen.Select(g => position[g])]).Transpose();
        return [.. chosen.Select((name, k) =>
        {
            var values = new float[rows.Length];
            ReadOnlySpan<int> index = byGene.RowIndices(k);
            ReadOnlySpan<float> value = byGene.RowValues(k);
            for (int j = 0; j < index.Length; j++) values[index[j]] = value[j];
            return new GeneExpression(name, values);
        })];
    }

    internal static float[] Column(DenseMatrix m, int column)
    {
        float[] all = m.ToSingle();
        return [.. Enumerable.Range(0, m.Rows).Select(r => all[(long)r * m.Columns + column])];
    }

    internal static T[] Take<T>(IReadOnlyList<T> values, int[] rows) => [.. rows.Select(i => values[i])];
}
