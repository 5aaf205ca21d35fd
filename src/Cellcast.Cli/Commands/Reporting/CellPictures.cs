using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Cells and spots with their coordinates and what they can be coloured by.</summary>
internal static class CellPictures
{
    private const int MostCategories = 80, MostColumns = 6, GenesPerEnd = 40, MostTypes = 40, SpotGenesPerEnd = 100, CellsAtOnce = 2048;
    private const string RawContribution = "raw_beta_z";
    private static readonly string[] s_own = ["beta_z", "raw_beta_z", "raw_beta_zl", "Hazard_rates", "log_hazard", "log_hazard_sd"];
    private static readonly string[] s_ofSpots = ["log_hazard_smooth", "log_hazard_lower", "log_hazard_upper"];
    private const string RegionColumn = "hazard_region";

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
    internal static CellSection Cells(ScSurvReportSource source, OutcomeMeaning meaning)
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
            Values = [new("contribution", Take(beta, rows), $"contribution relative to the median cell (right: {meaning.HigherShort})", 0), .. Numbers(cells.Obs, own).Select(v => v with { Values = Take(v.Values, rows) })],
            Groups = [.. Groups(cells.Obs, source.LabelColumn, source.SampleColumn).Select(g => g with { Codes = Take(g.Codes, rows) })],
            Genes = Genes(source, rows),
        };
    }

    private static string MapNote(AnnotatedData cells, string slot)
    {
        string note = $"Coordinates: {slot} of the cells' file.";
        if (slot != "X_umap" || !cells.Uns.TryGet(["umap", "params", "use_rep"], out Scalar? representation) || !cells.Uns.TryGet(["umap", "params", "cells_laid_out"], out Scalar? together)) return note;
        int laidOut = (int)together.ToDouble();
        string what = representation.Value is "X_scsurv" ? "the latent state" : $"{representation.Value}";
        return laidOut >= cells.ObservationCount ? $"UMAP of {what}." : $"UMAP of {what}: {laidOut:N0} cells laid out together, the others placed among them.";
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
    internal static SpotSection? Spots(ScSurvReportSource source, AnnotatedData spots, OutcomeMeaning meaning)
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
            meaning.IsSurvival
                ? new("hazard", [.. Columns.Numbers(spots.Obs, "Hazard_rates").Select(v => (float)v)], "hazard relative to the mean over the section (right: worse)", 1, Logarithmic: true)
                : new("predictor", Centred(Columns.Numbers(spots.Obs, "log_hazard")), $"predictor relative to the median spot (right: {meaning.HigherShort})", 0),
        };
        if (spots.Obs.Contains("log_hazard_smooth"))
        {
            double[] smooth = Columns.Numbers(spots.Obs, "log_hazard_smooth");
            values.Add(meaning.IsSurvival
                ? new("hazard, smoothed", [.. smooth.Select(v => (float)Math.Exp(v))], "hazard, half the spot's own, half its neighbours' (right: worse)", 1, Logarithmic: true)
                : new("predictor, smoothed", Centred(smooth), $"predictor, half the spot's own, half its neighbours' (right: {meaning.HigherShort})", 0));
        }
        if (spots.Obs.Contains("log_hazard_sd"))
            values.Add(new("how sure", [.. Columns.Numbers(spots.Obs, "log_hazard_sd").Select(v => (float)v)], $"standard deviation of the {(meaning.IsSurvival ? "log hazard" : "predictor")} (right: less sure)"));
        if (spots.Obsm.TryGet("cell_type_shares", out DenseMatrix? shares) && spots.Uns.TryGet("cell_types", out NdArray? types) && types.Data is string?[] names && names.Length == shares.Columns)
            for (int t = 0; t < Math.Min(names.Length, MostTypes); t++) values.Add(new($"share of {names[t]}", Column(shares, t), $"share of {names[t]}"));
        IEnumerable<PointGroups> Regions(DataFrame obs, OutcomeMeaning of)
        {
            if (!obs.TryGet(RegionColumn, out Column? column)) yield break;
            string?[] regions = column.ToText();
            // high 1, high 2, …, low 1, …
            string[] labels = [.. regions.OfType<string>().Distinct().Where(r => r != "none").OrderBy(r => r.StartsWith("low", StringComparison.Ordinal)).ThenBy(r => r.Length).ThenBy(r => r, StringComparer.Ordinal)];
            if (labels.Length > 0)
                yield return new PointGroups(of.IsSurvival ? "regions of high and low hazard" : "regions of high and low values", labels, Take([.. regions.Select(r => Array.IndexOf(labels, r))], rows),
                    Sides: [.. labels.Select(l => l.StartsWith("high", StringComparison.Ordinal) ? 1 : -1)]);
        }

        values.AddRange(Numbers(spots.Obs, [.. s_own, .. s_ofSpots]));
        return new SpotSection
        {
            Count = n,
            SampleNote = rows.Length == n ? null : $"{rows.Length:N0} of {n:N0} spots are drawn.",
            Names = Take(spots.Obs.Index, rows),
            X = Take(x, rows),
            Y = Take(y, rows),
            Diameter = tissue?.Diameter ?? PointSpacing.Typical(x, y) * 0.8,
            Image = tissue?.Image,
            Lead = SpotLead(source.Metrics["spatial"] as JsonObject, meaning),
            Genes = SpotGenes(source.SpotGenes),
            Values = [.. values.Select(v => v with { Values = Take(v.Values, rows) })],
            Groups = [.. Regions(spots.Obs, meaning), .. Groups(spots.Obs, null, null).Where(g => g.Name != RegionColumn).Select(g => g with { Codes = Take(g.Codes, rows) })],
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
        int[] columns = [.. chosen.Select(g => position[g])];
        float[][] values = [.. chosen.Select(_ => new float[rows.Length])];
        // Some cells at a time: all genes of all cells that are drawn would be more than all else in the report.
        for (int first = 0; first < rows.Length; first += CellsAtOnce)
        {
            int[] some = rows[first..Math.Min(rows.Length, first + CellsAtOnce)];
            SparseMatrix logs = Normalization.LogNormalize(source.Cells.X.SelectRows(some).ToSparse(), 1e4).SelectColumns(columns);
            for (int i = 0; i < some.Length; i++)
            {
                ReadOnlySpan<int> index = logs.RowIndices(i);
                ReadOnlySpan<float> value = logs.RowValues(i);
                for (int j = 0; j < index.Length; j++) values[index[j]][first + i] = value[j];
            }
        }
        return [.. chosen.Select((name, k) => new GeneExpression(name, values[k]))];
    }

    private static float[] Centred(double[] values)
    {
        double[] finite = [.. values.Where(double.IsFinite).Order()];
        double median = finite.Length == 0 ? 0 : (finite[(finite.Length - 1) / 2] + finite[finite.Length / 2]) / 2;
        return [.. values.Select(v => (float)(v - median))];
    }

    private static string SpotLead(JsonObject? pattern, OutcomeMeaning meaning)
    {
        string text = meaning.IsSurvival ? "Hazard is relative to the mean over the section: above 1 is worse." : $"The predictor is relative to the median spot: above 0 is {meaning.Higher}.";
        if (pattern?["moran_i"] is not { } moran) return text;
        int Count(string key) => (int?)pattern[key]?.GetValue<double>() ?? 0;
        return text + string.Create(CultureInfo.InvariantCulture, $" Neighbouring spots are {(moran.GetValue<double>() > 0.3 ? "much" : moran.GetValue<double>() > 0.1 ? "somewhat" : "hardly")} alike (Moran's I {moran.GetValue<double>():0.00}; 0 is no pattern, 1 the strongest). {Count("spots_in_high_regions"):N0} spots lie in regions of high and {Count("spots_in_low_regions"):N0} in regions of low values{(Count("spots_in_high_regions") + Count("spots_in_low_regions") > 0 ? " (choose them under Colour by)" : "")}.");
    }

    /// <summary>The ends of the list of genes that follow the spots' hazard.</summary>
    private static ReportTable? SpotGenes(DataFrame? genes)
    {
        if (genes is not { Length: > 0 }) return null;
        double[] pearson = Columns.Numbers(genes, "pearson"), spearman = Columns.Numbers(genes, "spearman"), q = Columns.Numbers(genes, "pearson_q"), worth = Columns.Numbers(genes, "effective_spots");
        int[] known = [.. Enumerable.Range(0, genes.Length).Where(i => double.IsFinite(pearson[i])).OrderByDescending(i => pearson[i])];
        int[] rows = known.Length <= 2 * SpotGenesPerEnd ? known : [.. known[..SpotGenesPerEnd], .. known[^SpotGenesPerEnd..]];
        return new ReportTable(
        [
            ReportColumn.Of("gene", "gene", rows.Select(r => genes.Index[r])),
            ReportColumn.Of("pearson", "correlation", rows.Select(r => pearson[r]), help: "Pearson correlation over spots of the gene's logarithmic expression with the log hazard."),
            ReportColumn.Of("spearman", "rank correlation", rows.Select(r => spearman[r])),
            // Results from before there were tests have none.
            .. genes.Contains("pearson_q") ? (ReportColumn[])[
                ReportColumn.Of("pearson_q", "q", rows.Select(r => q[r]), ColumnFormat.Probability, "Test of the correlation, adjusted for the number of genes. Neighbouring spots are alike: they count for as many as they are worth."),
                ReportColumn.Of("effective_spots", "spots' worth", rows.Select(r => worth[r]), ColumnFormat.Integer, "How many independent spots the section is worth for this gene.")] : [],
        ]);
    }

    internal static float[] Column(DenseMatrix m, int column)
    {
        float[] all = m.ToSingle();
        return [.. Enumerable.Range(0, m.Rows).Select(r => all[(long)r * m.Columns + column])];
    }

    internal static T[] Take<T>(IReadOnlyList<T> values, int[] rows) => [.. rows.Select(i => values[i])];
}
