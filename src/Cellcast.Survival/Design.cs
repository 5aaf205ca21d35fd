namespace Cellcast.Survival;

/// <summary>Covariates checked, centred at their weighted mean and scaled to unit standard deviation.</summary>
internal sealed class Design
{
    private readonly double[]? _offset;

    public Design(SurvivalData data, double[,] covariates, CoxOptions options)
    {
        int n = data.Count, p = covariates.GetLength(1);
        data.RequireMatching(covariates.GetLength(0), "rows of covariates");
        if (options.Names is not null && options.Names.Count != p)
            throw new SurvivalDataException($"there are {p} covariates but {options.Names.Count} names: give one name per covariate");
        Columns = p;
        Names = options.Names ?? [.. Enumerable.Range(1, p).Select(j => $"x{j}")];
        if (options.Offset is not null)
        {
            data.RequireMatching(options.Offset.Count, "offsets");
            _offset = [.. options.Offset];
            for (int i = 0; i < n; i++)
                if (!double.IsFinite(_offset[i])) throw new SurvivalDataException($"the offset of {SurvivalData.Subject(i, n)} is {_offset[i]}: offsets must be finite");
        }
        X = new double[n * p];
        Mean = new double[p];
        Scale = new double[p];
        double total = 0;
        for (int i = 0; i < n; i++) total += data.WeightOf(i);
        RiskWeight = total;
        for (int j = 0; j < p; j++)
        {
            double sum = 0;
            for (int i = 0; i < n; i++)
            {
                double v = covariates[i, j];
                if (!double.IsFinite(v))
                    throw new SurvivalDataException($"covariate '{Names[j]}' of {SurvivalData.Subject(i, n)} is {(double.IsNaN(v) ? "missing" : "infinite")}: fill it in or leave the subject out");
                sum += data.WeightOf(i) * v;
            }
            double mean = sum / total, squares = 0, largest = 0;
            for (int i = 0; i < n; i++)
            {
                double d = covariates[i, j] - mean;
                squares += data.WeightOf(i) * d * d;
                if (data.WeightOf(i) > 0) largest = Math.Max(largest, Math.Abs(covariates[i, j]));
            }
            double sd = Math.Sqrt(squares / total);
            bool constant = sd <= 1e-13 * largest;
            Mean[j] = mean;
            Scale[j] = constant ? 1 : sd;
            for (int i = 0; i < n; i++) X[i * p + j] = constant ? 0 : (covariates[i, j] - mean) / sd;
        }
    }

    public int Columns { get; }

    public IReadOnlyList<string> Names { get; }

    /// <summary>n x p, row-major, standardised.</summary>
    public double[] X { get; }

    public double[] Mean { get; }

    public double[] Scale { get; }

    /// <summary>Sum of the weights: the size of an information entry of a well-spread standardised covariate is of this order at most.</summary>
    public double RiskWeight { get; }

    /// <summary>eta = X gamma + offset.</summary>
    public void LinearPredictor(ReadOnlySpan<double> gamma, Span<double> eta)
    {
        for (int i = 0; i < eta.Length; i++)
        {
            double sum = _offset is null ? 0 : _offset[i];
            for (int j = 0; j < Columns; j++) sum += X[i * Columns + j] * gamma[j];
            eta[i] = sum;
        }
    }
}
