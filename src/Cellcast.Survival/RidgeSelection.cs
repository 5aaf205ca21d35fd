namespace Cellcast.Survival;

/// <summary>Chooses the ridge penalty of a Cox model by cross-validation.</summary>
/// <param name="Ridge">The chosen penalty.</param>
/// <param name="Candidates">The penalties tried, ascending.</param>
/// <param name="CrossValidatedLogLikelihood">For each, the cross-validated log partial likelihood; higher is better; NaN where a fold could not be fitted.</param>
public sealed record RidgeSelection(double Ridge, IReadOnlyList<double> Candidates, IReadOnlyList<double> CrossValidatedLogLikelihood)
{
    /// <summary>
    /// Tries penalties on the same folds and takes the one with the highest cross-validated log partial likelihood: for each fold the likelihood of all
    /// subjects less that of the others, at the coefficients of the others (Verweij and van Houwelingen 1993). Folds hold equal shares of the deaths
    /// and of the follow-up, and follow from the data alone.
    /// </summary>
    /// <param name="data">Follow-up of n subjects.</param>
    /// <param name="covariates">n x p covariates.</param>
    /// <param name="candidates">Penalties greater than 0; null for 10^-2, 10^-1.5, … 10^4 times the number of events over 100.</param>
    /// <param name="folds">Number of folds; fewer when there are fewer deaths.</param>
    /// <param name="options">Settings of the fits; their penalty is ignored.</param>
    /// <exception cref="SurvivalDataException">There are fewer than two deaths, or no penalty could be fitted.</exception>
    public static RidgeSelection CrossValidate(SurvivalData data, double[,] covariates, IReadOnlyList<double>? candidates = null, int folds = 10, CoxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(covariates);
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        options ??= new CoxOptions();
        int n = data.Count, events = data.EventCount;
        if (events < 2) throw new SurvivalDataException($"the ridge penalty cannot be chosen with {events} events: at least 2 are needed, set a penalty instead");
        data.RequireMatching(covariates.GetLength(0), "rows of covariates");
        double[] tried = candidates is null ? [.. Enumerable.Range(0, 13).Select(k => events / 100.0 * Math.Pow(10, -2 + 0.5 * k))] : [.. candidates.Order()];

        // Dealt out like cards, deaths first, each in order of time.
        int k = Math.Min(folds, events);
        var fold = new int[n];
        int[] dealt = [.. Enumerable.Range(0, n).OrderBy(i => data.Event[i] ? 0 : 1).ThenBy(i => data.Time[i]).ThenBy(i => i)];
        for (int s = 0; s < n; s++) fold[dealt[s]] = s % k;

        var score = new double[tried.Length];
        var all = new PartialLikelihood(data, options.Ties);
        for (int f = 0; f < k; f++)
        {
            int[] others = [.. Enumerable.Range(0, n).Where(i => fold[i] != f)];
            var train = data.Subset(others);
            var x = Rows(covariates, others);
            double[]? offset = options.Offset is null ? null : [.. others.Select(i => options.Offset[i])];
            var without = new PartialLikelihood(train, options.Ties);
            for (int c = 0; c < tried.Length; c++)
            {
                if (double.IsNaN(score[c])) continue;
                try
                {
                    var fit = CoxRegression.Fit(train, x, options with { Ridge = tried[c], Offset = offset });
                    double[] eta = fit.Predict(covariates);
                    for (int i = 0; i < n; i++) eta[i] += options.Offset?[i] ?? 0;
                    score[c] += without.Evaluate([.. others.Select(i => eta[i])]) - all.Evaluate(eta);
                }
                catch (SurvivalDataException)
                {
                    score[c] = double.NaN;
                }
            }
        }
        int best = -1;
        for (int c = 0; c < tried.Length; c++)
            if (!double.IsNaN(score[c]) && (best < 0 || score[c] >= score[best])) best = c;
        if (best < 0) throw new SurvivalDataException("no ridge penalty could be fitted on every fold: use larger penalties or fewer folds");
        return new RidgeSelection(tried[best], tried, score);
    }

    private static double[,] Rows(double[,] x, int[] rows)
    {
        var result = new double[rows.Length, x.GetLength(1)];
        for (int k = 0; k < rows.Length; k++)
            for (int j = 0; j < result.GetLength(1); j++) result[k, j] = x[rows[k], j];
        return result;
    }
}
