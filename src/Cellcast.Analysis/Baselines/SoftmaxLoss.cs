using Cellcast.AnnData;

namespace Cellcast.Analysis.Baselines;

/// <summary>
/// Mean log loss of a softmax of linear functions of sparse cells plus penalty |W|^2 / 2, and its gradient. Genes are taken relative to their means, which moves only the free intercepts
/// (so that the minimum is the same) and takes away the direction in which the loss is steepest: that all cells have the same genes on. The data stay sparse: the means enter as a product of two vectors.
/// </summary>
internal sealed class SoftmaxLoss
{
    private readonly SparseMatrix _cells, _genes;
    private readonly int[] _label;
    private readonly int _classes, _stride, _threads;
    private readonly double[] _means, _weights, _residuals, _losses;

    /// <param name="cells">Cells x genes.</param>
    /// <param name="label">Class of each cell, from 0.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    public SoftmaxLoss(SparseMatrix cells, int[] label, int classes, int threads)
    {
        (_cells, _genes, _label, _classes, _stride, _threads) = (cells, cells.Transpose(), label, classes, ClassProducts.Stride(classes), threads);
        _means = new double[cells.Columns];
        for (int g = 0; g < _means.Length; g++)
        {
            foreach (float v in _genes.RowValues(g)) _means[g] += v;
            _means[g] /= cells.Rows;
        }
        _weights = new double[checked(cells.Columns * _stride)];
        _residuals = new double[checked(cells.Rows * _stride)];
        _losses = new double[cells.Rows];
    }

    /// <summary>Weight of the squared norm over 2.</summary>
    public double Penalty { get; set; }

    /// <summary>Logits of a cell of mean expression minus the intercepts: what is between intercepts of centred and of plain genes.</summary>
    /// <param name="parameters">(genes + 1) x classes, the intercepts last.</param>
    public double[] MeanLogits(double[] parameters)
    {
        var z = new double[_classes];
        for (int g = 0; g < _means.Length; g++)
            if (_means[g] != 0) Blocks.AddScaled(_means[g], parameters.AsSpan(g * _classes, _classes), z);
        return z;
    }

    /// <summary>Value and gradient.</summary>
    /// <param name="parameters">(genes + 1) x classes, the intercepts of centred genes last.</param>
    /// <param name="gradient">As many, replaced.</param>
    public double Evaluate(double[] parameters, double[] gradient)
    {
        int k = _classes, s = _stride, n = _cells.Rows, genes = _cells.Columns;
        double[] offset = MeanLogits(parameters);
        for (int c = 0; c < k; c++) offset[c] = parameters[genes * k + c] - offset[c];
        Blocks.Ranges(genes, _threads, (from, to) =>
        {
            for (int g = from; g < to; g++) parameters.AsSpan(g * k, k).CopyTo(_weights.AsSpan(g * s, k));
        });
        Blocks.Ranges(n, _threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                Span<double> all = _residuals.AsSpan(i * s, s), p = all[..k];
                ClassProducts.Sum(_cells.RowIndices(i), _cells.RowValues(i), _weights, all);
                double top = double.NegativeInfinity, sum = 0;
                for (int c = 0; c < k; c++) top = Math.Max(top, p[c] += offset[c]);
                double own = p[_label[i]];
                for (int c = 0; c < k; c++) sum += p[c] = Math.Exp(p[c] - top);
                _losses[i] = top - own + Math.Log(sum);
                for (int c = 0; c < k; c++) p[c] /= sum * n;
                p[_label[i]] -= 1.0 / n;
            }
        });
        Span<double> intercepts = gradient.AsSpan(genes * k, k);
        intercepts.Clear();
        double loss = 0;
        for (int i = 0; i < n; i++)
        {
            loss += _losses[i];
            for (int c = 0; c < k; c++) intercepts[c] += _residuals[i * s + c];
        }
        double[] sums = intercepts.ToArray();
        Blocks.Ranges(genes, _threads, (from, to) =>
        {
            Span<double> d = stackalloc double[s];
            for (int g = from; g < to; g++)
            {
                ClassProducts.Sum(_genes.RowIndices(g), _genes.RowValues(g), _residuals, d);
                for (int c = 0; c < k; c++) gradient[g * k + c] = d[c] - _means[g] * sums[c] + Penalty * parameters[g * k + c];
            }
        });
        return loss / n + Penalty / 2 * Blocks.Dot(parameters.AsSpan(0, genes * k), parameters.AsSpan(0, genes * k));
    }
}
