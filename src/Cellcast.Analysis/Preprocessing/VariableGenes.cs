using Cellcast.AnnData;

namespace Cellcast.Analysis.Preprocessing;

/// <summary>How dispersions are compared among genes of similar mean.</summary>
public enum DispersionFlavor
{
    /// <summary>Log dispersion of the expression before the logarithm, standardised within 20 bins of equal width of the log mean (Satija 2015).</summary>
    Seurat,

    /// <summary>Dispersion of the logarithmic expression, centred at the median and scaled by the median absolute deviation within bins of 5 % of the genes (Zheng 2017).</summary>
    CellRanger,
}

/// <summary>Genes whose expression varies more than that of genes with a similar mean.</summary>
public sealed class VariableGenes
{
    private const int SeuratBins = 20;
    private const double NoMean = 1e-12;

    private VariableGenes(double[] means, double[] dispersions, double[] normalized, DispersionFlavor flavor) =>
        (Means, Dispersions, NormalizedDispersions, Flavor) = (means, dispersions, normalized, flavor);

    /// <summary>How dispersions were compared.</summary>
    public DispersionFlavor Flavor { get; }

    /// <summary>Mean of each gene: log(1 + mean) for <see cref="DispersionFlavor.Seurat"/>.</summary>
    public double[] Means { get; }

    /// <summary>Variance over mean of each gene, as a logarithm for <see cref="DispersionFlavor.Seurat"/> (there NaN for a gene that does not vary).</summary>
    public double[] Dispersions { get; }

    /// <summary>Dispersions relative to genes with a similar mean; NaN for a gene that does not vary.</summary>
    public double[] NormalizedDispersions { get; }

    /// <summary>Ranks the genes of normalised and log1p-transformed expression.</summary>
    /// <param name="expression">Cells x genes, log(1 + normalised counts).</param>
    /// <param name="flavor">How dispersions are compared.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static VariableGenes Of(SparseMatrix expression, DispersionFlavor flavor = DispersionFlavor.Seurat, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        var (means, variances) = flavor == DispersionFlavor.Seurat
            ? ColumnMoments.Of(expression, default(UndoLog), threads)
            : ColumnMoments.Of(expression, default(Unchanged), threads);
        return FromMoments(means, variances, flavor);
    }

    /// <summary>Ranks genes by their moments.</summary>
    /// <param name="means">Mean of each gene, of expression before the logarithm for <see cref="DispersionFlavor.Seurat"/>, else after it.</param>
    /// <param name="variances">Unbiased variance of the same values.</param>
    /// <param name="flavor">How dispersions are compared.</param>
    public static VariableGenes FromMoments(ReadOnlySpan<double> means, ReadOnlySpan<double> variances, DispersionFlavor flavor = DispersionFlavor.Seurat)
    {
        if (means.Length != variances.Length) throw new ArgumentException($"{means.Length} means but {variances.Length} variances", nameof(variances));
        int n = means.Length;
        double[] mean = new double[n], dispersion = new double[n];
        for (int g = 0; g < n; g++)
        {
            mean[g] = means[g] == 0 ? NoMean : means[g];
            dispersion[g] = variances[g] / mean[g];
            if (flavor == DispersionFlavor.CellRanger) continue;
            dispersion[g] = dispersion[g] == 0 ? double.NaN : Math.Log(dispersion[g]);
            mean[g] = Normalization.Log1p(mean[g]);
        }
        return new VariableGenes(mean, dispersion, flavor == DispersionFlavor.Seurat ? SeuratScores(mean, dispersion) : CellRangerScores(mean, dispersion), flavor);
    }

    /// <summary>The most variable genes, ascending. Genes tied with the last one are taken too; genes that do not vary are not.</summary>
    /// <param name="count">How many.</param>
    public int[] Top(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        double[] scores = [.. NormalizedDispersions.Where(d => !double.IsNaN(d)).OrderDescending()];
        if (scores.Length == 0) return [];
        double last = scores[Math.Min(count, scores.Length) - 1];
        return [.. Enumerable.Range(0, NormalizedDispersions.Length).Where(g => NormalizedDispersions[g] >= last)];
    }

    private static double[] SeuratScores(double[] mean, double[] dispersion)
    {
        int n = mean.Length;
        var scores = new double[n];
        if (n == 0) return scores;
        double low = mean.Min(), high = mean.Max();
        var edges = new double[SeuratBins + 1];
        if (low == high)
        {
            double widen = low == 0 ? 0.001 : 0.001 * Math.Abs(low);
            (low, high) = (low - widen, high + widen);
        }
        for (int b = 0; b <= SeuratBins; b++) edges[b] = b == SeuratBins ? high : low + b * ((high - low) / SeuratBins);
        int[] bin = [.. mean.Select(m => Bin(edges, m))]; // the lowest value falls on the first edge and belongs to the first bin
        double[] sum = new double[SeuratBins], squares = new double[SeuratBins];
        int[] members = new int[SeuratBins];
        for (int g = 0; g < n; g++)
        {
            if (double.IsNaN(dispersion[g])) continue;
            sum[bin[g]] += dispersion[g];
            members[bin[g]]++;
        }
        for (int g = 0; g < n; g++)
        {
            if (double.IsNaN(dispersion[g])) continue;
            double d = dispersion[g] - sum[bin[g]] / members[bin[g]];
            squares[bin[g]] += d * d;
        }
        for (int g = 0; g < n; g++)
        {
            int b = bin[g];
            // A gene alone in its bin has nothing to be compared with and scores 1.
            scores[g] = double.IsNaN(dispersion[g]) ? double.NaN
                : members[b] == 1 ? 1
                : (dispersion[g] - sum[b] / members[b]) / Math.Sqrt(squares[b] / (members[b] - 1));
        }
        return scores;
    }

    private static double[] CellRangerScores(double[] mean, double[] dispersion)
    {
        const double normalQuartile = 0.6744897501960817;
        int n = mean.Length;
        var scores = new double[n];
        if (n == 0) return scores;
        double[] sorted = [.. mean.Order()];
        double[] edges = [double.NegativeInfinity, .. Enumerable.Range(2, 19).Select(k => Percentile(sorted, 0.05 * k)), double.PositiveInfinity];
        foreach (var members in Enumerable.Range(0, n).GroupBy(g => Bin(edges, mean[g])))
        {
            double median = Median([.. members.Select(g => dispersion[g])]);
            double deviation = Median([.. members.Select(g => Math.Abs(dispersion[g] - median))]) / normalQuartile;
            foreach (int g in members) scores[g] = (dispersion[g] - median) / deviation;
        }
        return scores;
    }

    /// <summary>Bins are open on the left and closed on the right.</summary>
    private static int Bin(double[] edges, double value)
    {
        int k = Array.BinarySearch(edges, value);
        if (k < 0) k = ~k;
        else
            while (k > 0 && edges[k - 1] == value) k--;
        return Math.Clamp(k - 1, 0, edges.Length - 2);
    }

    private static double Percentile(double[] sorted, double share)
    {
        double at = share * (sorted.Length - 1);
        int below = Math.Min((int)at, sorted.Length - 1), above = Math.Min(below + 1, sorted.Length - 1);
        double t = at - below, d = sorted[above] - sorted[below];
        return t >= 0.5 ? sorted[above] - d * (1 - t) : sorted[below] + d * t;
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        int half = values.Length / 2;
        return values.Length % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
    }

    private readonly struct UndoLog : ColumnMoments.ITransform
    {
        // Rounded to single precision as the stored expression is.
        public double Apply(int row, float value) => (float)Normalization.Expm1(value);
    }

    private readonly struct Unchanged : ColumnMoments.ITransform
    {
        public double Apply(int row, float value) => value;
    }
}
