using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Models.ScSurv;

/// <summary>What the contributions say about genes and cell types.</summary>
public sealed class ScSurvTables
{
    private ScSurvTables(DataFrame genes, CsvFile? cellTypes, CellTypeShares? patientTypes, CellTypeShares? spotTypes) =>
        (Genes, CellTypes, PatientTypes, SpotTypes) = (genes, cellTypes, patientTypes, spotTypes);

    /// <summary>One row per gene, in the order of the data: correlation of its decoded rate with the contribution over cells (positive = adverse),
    /// p and q, mean rate, and the gene's scale, offset and dispersion in the bulk cohort.</summary>
    public DataFrame Genes { get; }

    /// <summary>One row per cell type; null without labels.</summary>
    public CsvFile? CellTypes { get; }

    /// <summary>Share of each cell type in each patient; null without labels.</summary>
    public CellTypeShares? PatientTypes { get; }

    /// <summary>Share of each cell type in each spot; null without labels or spots.</summary>
    public CellTypeShares? SpotTypes { get; }

    /// <summary>Computes the tables; rates are decoded tile by tile and never held whole.</summary>
    public static ScSurvTables From(Device device, ScSurvFit fit, ScSurvResults results, ScSurvData data, ScSurvInputs inputs, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(fit);
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(inputs);
        double[] contribution = [.. results.RawContribution.Select(b => (double)b)];
        DataFrame genes = GeneTable(device, fit.Model, data, contribution, threads, cancellation);
        if (inputs.LabelColumn is null) return new ScSurvTables(genes, null, null, null);
        CategoricalColumn labels = CategoricalColumn.FromLabels(inputs.Reference.Obs.Require(inputs.LabelColumn, inputs.Reference.Source ?? "the reference").ToText());
        var shares = CellTypeShares.From(results.PatientShares, labels);
        return new ScSurvTables(genes, TypeTable(labels, contribution, shares, fit.Model.Contributions?.Means(labels.Codes, labels.Categories.Length)), shares, results.SpotShares is null ? null : CellTypeShares.From(results.SpotShares, labels));
    }

    /// <summary><c>genes.csv</c>: most adverse genes first.</summary>
    public void WriteGenes(string path)
    {
        double[] r = ((NumericColumn)Genes["pearson"]).ToDouble();
        int[] order = [.. Enumerable.Range(0, r.Length).OrderBy(i => double.IsNaN(r[i])).ThenByDescending(i => r[i]).ThenBy(i => Genes.Index[i], StringComparer.Ordinal)];
        CsvFile.From(Genes.Select(order), "gene").Write(path);
    }

    private static DataFrame GeneTable(Device device, ScSurvModel model, ScSurvData data, double[] contribution, int threads, CancellationToken cancellation)
    {
        var rates = new RateTiles(device, model);
        var sum = new double[data.Genes.Count];
        RankedGene[] ranked = GeneRanking.Rank(data.Genes.Count, contribution, (firstCell, cells, firstGene, genes, tile) =>
        {
            rates.Fill(firstCell, cells, firstGene, genes, tile);
            for (int c = 0; c < cells; c++)
                for (int g = 0; g < genes; g++) sum[firstGene + g] += tile[c * genes + g];
        }, threads: threads, cancellation: cancellation);
        GeneParameters bulk = model.Module.BulkGenes;
        var table = new DataFrame([.. data.Genes]);
        table.Set("pearson", ranked.Select(g => g.Pearson.Coefficient).ToArray());
        table.Set("pearson_p", ranked.Select(g => g.Pearson.PValue).ToArray());
        table.Set("pearson_q", ranked.Select(g => g.PearsonQ).ToArray());
        table.Set("spearman", ranked.Select(g => g.Spearman.Coefficient).ToArray());
        table.Set("spearman_p", ranked.Select(g => g.Spearman.PValue).ToArray());
        table.Set("spearman_q", ranked.Select(g => g.SpearmanQ).ToArray());
        table.Set("mean_rate", sum.Select(s => s / contribution.Length).ToArray());
        table.Set("bulk_scale", Positive(device, bulk.Scale));
        table.Set("bulk_offset", Positive(device, bulk.Offset));
        table.Set("bulk_dispersion", Positive(device, bulk.Dispersion));
        return table;
    }

    private static CsvFile TypeTable(CategoricalColumn labels, double[] contribution, CellTypeShares shares, ContributionValues? interval)
    {
        IReadOnlyList<CellTypeContribution> types = CellTypeSummary.Of(labels.ToText(), contribution);
        double[] mean = new double[labels.Categories.Length];
        int patients = shares.Values.Length / mean.Length;
        for (int i = 0; i < shares.Values.Length; i++) mean[i % mean.Length] += shares.Values[i] / patients;
        return new CsvFile()
            .Add("cell_type", types.Select(t => t.Label).ToArray())
            .Add("cells", types.Select(t => t.Count).ToArray())
            .Add("share_of_reference", types.Select(t => t.Share).ToArray())
            .Add("share_of_patients", types.Select(t => mean[Array.IndexOf(labels.Categories, t.Label)]).ToArray())
            .Add("mean", types.Select(t => t.Mean).ToArray())
            .Interval("mean", InOrder(interval))
            .Add("sd", types.Select(t => t.StandardDeviation).ToArray())
            .Add("median", types.Select(t => t.Median).ToArray())
            .Add("p", types.Select(t => t.Test.PValue).ToArray())
            .Add("q", types.Select(t => t.QValue).ToArray());

        ContributionValues? InOrder(ContributionValues? values)
        {
            if (values is null) return null;
            int[] order = [.. types.Select(t => Array.IndexOf(labels.Categories, t.Label))];
            return new ContributionValues([.. order.Select(i => values.Mean[i])], [.. order.Select(i => values.StandardDeviation[i])]);
        }
    }

    private static float[] Positive(Device device, Parameter parameter)
    {
        var tape = new Tape(device, recordGradients: false);
        return Softplus(tape.Use(parameter)).ToArray();
    }

    /// <summary>Decoded rates at the posterior mean, any tile at a time; the hidden states of all cells are kept, N x h.</summary>
    private sealed class RateTiles
    {
        private readonly Tape _tape;
        private readonly Decoder _decoder;
        private readonly float[] _hidden;
        private readonly int _width;

        internal RateTiles(Device device, ScSurvModel model)
        {
            _tape = new Tape(device, recordGradients: false);
            _decoder = model.Module.Expression;
            _width = _decoder.Output.Weight.Columns;
            _hidden = new float[(long)model.Posterior.Cells * _width];
            foreach (var (from, hidden) in model.Posterior.HiddenAtMean(_decoder)) hidden.CopyTo(_hidden.AsSpan(from * _width));
        }

        internal void Fill(int firstCell, int cells, int firstGene, int genes, Span<float> tile)
        {
            Tensor h = _tape.Input(_hidden.AsSpan(firstCell * _width, cells * _width), cells, _width);
            Tensor w = _tape.Input(_decoder.Output.Weight.Span.Slice(firstGene * _width, genes * _width), genes, _width);
            Tensor b = _tape.Input(_decoder.Output.Bias.Span.Slice(firstGene, genes), genes);
            Softplus(Linear(h, w, b)).Span.CopyTo(tile);
            _tape.Reset();
        }
    }
}
