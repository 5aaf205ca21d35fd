namespace Cellcast.Survival;

/// <summary>What each subject adds to the score of a Cox model: observed less expected covariates over its own time at risk. Their squares give the variance of the score where weights are
/// no numbers of subjects. Sources: Therneau, Grambsch and Fleming (1990); Lin and Wei (1989); Binder (1992) for weights.</summary>
internal static class ScoreResiduals
{
    /// <summary>Residuals before their own weight is applied, n x p.</summary>
    /// <param name="data">Follow-up of n subjects, with entry times, weights and strata if any.</param>
    /// <param name="x">Covariates, n x p row-major.</param>
    /// <param name="p">Number of covariates.</param>
    /// <param name="eta">Linear predictors, n values; empty for 0.</param>
    /// <param name="ties">How tied deaths are treated.</param>
    internal static double[] Of(SurvivalData data, ReadOnlySpan<double> x, int p, ReadOnlySpan<double> eta, TieMethod ties)
    {
        int n = data.Count;
        var residuals = new double[n * p];
        double top = eta.IsEmpty ? 0 : double.NegativeInfinity;
        for (int i = 0; i < eta.Length; i++) top = Math.Max(top, eta[i]);
        var risk = new double[n];
        for (int i = 0; i < n; i++) risk[i] = eta.IsEmpty ? 1 : Math.Exp(eta[i] - top);

        int[] order = [.. Enumerable.Range(0, n).OrderBy(data.StratumOf).ThenBy(i => data.Time[i]).ThenBy(i => i)];
        var mean = new double[p];
        for (int from = 0; from < n;)
        {
            int end = from;
            while (end < n && data.StratumOf(order[end]) == data.StratumOf(order[from])) end++;
            for (int first = from; first < end;)
            {
                double time = data.Time[order[first]];
                int next = first;
                while (next < end && data.Time[order[next]] == time) next++;
                int[] deaths = [.. order[first..next].Where(i => data.Event[i] && data.WeightOf(i) > 0)];
                int[] atRisk = deaths.Length == 0 ? [] : [.. order[first..end].Where(i => data.EntryOf(i) < time)];
                int steps = deaths.Length == 0 ? 0 : ties == TieMethod.Efron ? deaths.Length : 1;
                double weight = steps == 0 ? 0 : deaths.Sum(data.WeightOf) / steps;
                for (int k = 0; k < steps; k++)
                {
                    double alive = 1 - (double)k / deaths.Length, sum = 0; // share of the dying that is still at risk
                    Array.Clear(mean);
                    foreach (int i in atRisk)
                    {
                        double r = data.WeightOf(i) * risk[i] * (data.Event[i] && data.Time[i] == time ? alive : 1);
                        sum += r;
                        for (int j = 0; j < p; j++) mean[j] += r * x[i * p + j];
                    }
                    for (int j = 0; j < p; j++) mean[j] /= sum;
                    foreach (int i in atRisk)
                    {
                        double hazard = weight / sum * risk[i] * (data.Event[i] && data.Time[i] == time ? alive : 1);
                        for (int j = 0; j < p; j++) residuals[i * p + j] -= hazard * (x[i * p + j] - mean[j]);
                    }
                    foreach (int i in deaths)
                        for (int j = 0; j < p; j++) residuals[i * p + j] += (x[i * p + j] - mean[j]) / steps;
                }
                first = next;
            }
            from = end;
        }
        return residuals;
    }

    /// <summary>Sum over subjects of the outer product of weighted residuals, p x p.</summary>
    internal static double[] Squares(SurvivalData data, ReadOnlySpan<double> residuals, int p)
    {
        var squares = new double[p * p];
        for (int i = 0; i < data.Count; i++)
            SymmetricSystem.AddOuter(squares, residuals.Slice(i * p, p), data.WeightOf(i) * data.WeightOf(i));
        SymmetricSystem.Mirror(squares, p);
        return squares;
    }
}
