namespace Cellcast.Analysis.Baselines;

/// <summary>
/// Which genes the cells of every class express how much: the profiles of multinomial naive Bayes. A cell is a bag of genes with weights log(1 + count); a gene that is missing says nothing, so
/// that evidence only gets weaker, not wrong, when genes are lost. So does a gene that no cell of the profiles expresses, which stands in no denominator either: by smoothing alone it would speak for
/// the class of the fewest molecules. Rates are smoothed towards the rates of all cells (Jelinek and Mercer 1980), since a class of few cells has not shown most of its genes.
/// </summary>
public sealed class ClassProfiles
{
    private const double Smoothing = 0.1, Common = 0.2;

    private readonly double[] _sums; // genes x classes: summed weights
    private readonly double[] _all, _totals;
    private readonly double _total;
    private readonly int _expressed;

    private ClassProfiles(int classes, double[] sums, double[] all, double[] totals)
    {
        (ClassCount, GeneCount, _sums, _all, _totals) = (classes, all.Length, sums, all, totals);
        foreach (double t in totals) _total += t;
        _expressed = all.Count(a => a > 0);
        var odds = new float[sums.Length];
        for (int g = 0; g < GeneCount; g++)
        {
            if (!(all[g] > 0)) continue;
            double mean = 0;
            for (int k = 0; k < classes; k++) mean += LogRate(g, k, 0, 0) / classes;
            for (int k = 0; k < classes; k++) odds[g * classes + k] = (float)(LogRate(g, k, 0, 0) - mean);
        }
        LogOdds = odds;
    }

    /// <summary>Number of classes.</summary>
    public int ClassCount { get; }

    /// <summary>Number of genes.</summary>
    public int GeneCount { get; }

    /// <summary>Logarithm of the gene's rate in each class, minus its mean over classes: genes x classes, row-major.</summary>
    public ReadOnlyMemory<float> LogOdds { get; }

    /// <summary>Collects profiles cell by cell.</summary>
    /// <param name="genes">Number of genes.</param>
    /// <param name="classes">Number of classes.</param>
    public sealed class Builder(int genes, int classes)
    {
        private readonly double[] _sums = new double[checked(genes * classes)], _all = new double[genes], _totals = new double[classes];

        /// <summary>Adds a cell.</summary>
        /// <param name="columns">Its genes, from 0.</param>
        /// <param name="weights">Their weights, as from <see cref="Weights"/>.</param>
        /// <param name="class">Its class.</param>
        public void Add(ReadOnlySpan<int> columns, ReadOnlySpan<double> weights, int @class)
        {
            for (int i = 0; i < columns.Length; i++)
            {
                _sums[columns[i] * classes + @class] += weights[i];
                _all[columns[i]] += weights[i];
                _totals[@class] += weights[i];
            }
        }

        /// <summary>The profiles of all cells that were added.</summary>
        public ClassProfiles Build() => new(classes, _sums, _all, _totals);
    }

    /// <summary>Weights log(1 + count) of a cell's genes from its log-normalised values: counts are multiples of the smallest, whatever they were scaled to.</summary>
    /// <param name="values">log(1 + scaled count), all above 0.</param>
    /// <param name="weights">As many, filled.</param>
    public static void Weights(ReadOnlySpan<float> values, Span<double> weights)
    {
        double least = double.PositiveInfinity;
        foreach (float v in values) least = Math.Min(least, v);
        double one = double.ExpM1(least);
        for (int i = 0; i < values.Length; i++) weights[i] = double.LogP1(double.ExpM1(values[i]) / one);
    }

    /// <summary>Evidence of a cell for every class: weighted log odds of its genes over the length of its weights, so that its size hardly depends on how deeply the cell was sequenced.</summary>
    /// <param name="logOdds"><see cref="LogOdds"/>, perhaps from a file.</param>
    /// <param name="columns">Its genes, from 0.</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="evidence">One number per class, filled; 0 for a cell without genes.</param>
    public static void Evidence(ReadOnlySpan<float> logOdds, ReadOnlySpan<int> columns, ReadOnlySpan<double> weights, Span<double> evidence)
    {
        evidence.Clear();
        Add(logOdds, columns, weights, evidence);
        Scale(weights, evidence);
    }

    /// <summary>The same for a cell that the profiles were made from, as if it had not been among them: its own genes are taken out of the profile of its class.</summary>
    /// <param name="columns">Genes to take evidence from, from 0, all of them the cell's.</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="own">Weights with which these genes were added to the profiles.</param>
    /// <param name="total">Sum of all weights with which the cell was added.</param>
    /// <param name="class">Its class.</param>
    /// <param name="evidence">One number per class, filled.</param>
    public void EvidenceWithout(ReadOnlySpan<int> columns, ReadOnlySpan<double> weights, ReadOnlySpan<double> own, double total, int @class, Span<double> evidence)
    {
        evidence.Clear();
        Add(LogOdds.Span, columns, weights, evidence);
        for (int i = 0; i < columns.Length; i++)
        {
            if (_all[columns[i]] > own[i] * (1 + 1e-9)) evidence[@class] += weights[i] * (LogRate(columns[i], @class, own[i], total) - LogRate(columns[i], @class, 0, 0));
            else Take(columns[i], weights[i], evidence); // nobody else expresses it
        }
        Scale(weights, evidence);
    }

    // Rounding may leave a little less than nothing of a class that consists of the one cell that is taken out.
    private double LogRate(int gene, int @class, double own, double ownTotal)
    {
        double common = (_all[gene] + Smoothing) / (_total + Smoothing * _expressed), total = Math.Max(0, _totals[@class] - ownTotal);
        return Math.Log((Math.Max(0, _sums[gene * ClassCount + @class] - own) + Smoothing + Common * common * total) / (total * (1 + Common) + Smoothing * _expressed));
    }

    private void Take(int gene, double weight, Span<double> evidence)
    {
        ReadOnlySpan<float> row = LogOdds.Span.Slice(gene * evidence.Length, evidence.Length);
        for (int k = 0; k < row.Length; k++) evidence[k] -= weight * row[k];
    }

    private static void Add(ReadOnlySpan<float> odds, ReadOnlySpan<int> columns, ReadOnlySpan<double> weights, Span<double> evidence)
    {
        for (int i = 0; i < columns.Length; i++)
        {
            var row = odds.Slice(columns[i] * evidence.Length, evidence.Length);
            for (int k = 0; k < row.Length; k++) evidence[k] += weights[i] * row[k];
        }
    }

    private static void Scale(ReadOnlySpan<double> weights, Span<double> evidence)
    {
        double squares = 0, mean = 0;
        foreach (double w in weights) squares += w * w;
        if (squares == 0) return;
        foreach (double e in evidence) mean += e / evidence.Length;
        double scale = 1 / Math.Sqrt(squares);
        for (int k = 0; k < evidence.Length; k++) evidence[k] = (evidence[k] - mean) * scale;
    }
}
