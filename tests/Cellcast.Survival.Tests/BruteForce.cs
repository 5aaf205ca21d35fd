namespace Cellcast.Survival.Tests;

/// <summary>The definitions, written down subject by subject in O(n^2) or worse.</summary>
internal static class BruteForce
{
    /// <summary>The negative log partial likelihood and its gradient, each tied death with its own sum over the risk set, in log space.</summary>
    public static (double Value, double[] Gradient) PartialLikelihood(SurvivalData data, double[] eta, TieMethod ties)
    {
        int n = data.Count;
        double value = 0;
        var gradient = new double[n];
        double W(int i) => data.Weights.IsEmpty ? 1 : data.Weights[i];
        int S(int i) => data.Strata.IsEmpty ? 0 : data.Strata[i];
        foreach (var group in Enumerable.Range(0, n).Where(i => data.Event[i] && W(i) > 0).GroupBy(i => (S(i), data.Time[i])))
        {
            int[] deaths = [.. group];
            int[] atRisk = [.. Enumerable.Range(0, n).Where(i => W(i) > 0 && S(i) == group.Key.Item1 && data.Time[i] >= group.Key.Item2 && (data.Entry.IsEmpty || data.Entry[i] < group.Key.Item2))];
            double mean = deaths.Average(W), top = atRisk.Max(i => eta[i]);
            for (int k = 0; k < deaths.Length; k++)
            {
                double f = ties == TieMethod.Efron ? (double)k / deaths.Length : 0;
                double Share(int i) => W(i) * Math.Exp(eta[i] - top) * (deaths.Contains(i) ? 1 - f : 1);
                double sum = atRisk.Sum(Share);
                value += mean * (top + Math.Log(sum));
                foreach (int i in atRisk) gradient[i] += mean * Share(i) / sum;
            }
            foreach (int i in deaths)
            {
                value -= W(i) * eta[i];
                gradient[i] -= W(i);
            }
        }
        return (value, gradient);
    }

    /// <summary>Concordance and its jackknife error, pair by pair.</summary>
    public static (double Value, double Error, double Pairs) Concordance(SurvivalData data, double[] risk)
    {
        int n = data.Count;
        double W(int i) => data.Weights.IsEmpty ? 1 : data.Weights[i];
        var perSubject = new double[n, 3];
        double[] total = new double[3];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                bool sameStratum = data.Strata.IsEmpty || data.Strata[i] == data.Strata[j];
                bool earlier = data.Event[i] && (data.Time[i] < data.Time[j] || (data.Time[i] == data.Time[j] && !data.Event[j]));
                if (i == j || !sameStratum || !earlier || (!data.Entry.IsEmpty && data.Entry[j] >= data.Time[i])) continue;
                int kind = risk[i] > risk[j] ? 0 : risk[i] < risk[j] ? 1 : 2;
                total[kind] += W(i) * W(j);
                perSubject[i, kind] += W(j);
                perSubject[j, kind] += W(i);
            }
        }
        double pairs = total.Sum(), d = (total[0] - total[1]) / pairs, squares = 0;
        for (int i = 0; i < n; i++)
        {
            double u = W(i) * (perSubject[i, 0] - perSubject[i, 1] - d * (perSubject[i, 0] + perSubject[i, 1] + perSubject[i, 2])) / pairs;
            squares += u * u;
        }
        return ((1 + d) / 2, Math.Sqrt(squares) / 2, pairs);
    }
}
