namespace Cellcast.Survival;

/// <summary>
/// Brier score of predicted survival curves: the mean squared difference between the predicted probability of being alive and being alive, censored subjects
/// being represented by those still followed (weights of inverse probability of censoring). 0 is perfect; a constant prediction of one half has 0.25.
/// Source: Graf, Schmoor, Sauerbrei and Schumacher (1999).
/// </summary>
public sealed class BrierScore
{
    private BrierScore(double[] times, double[] scores) => (Times, Scores) = (times, scores);

    /// <summary>The times, ascending.</summary>
    public IReadOnlyList<double> Times { get; }

    /// <summary>Score at each time.</summary>
    public IReadOnlyList<double> Scores { get; }

    /// <summary>Mean score between the first and the last time (trapezoids); the score itself when there is one time.</summary>
    public double Integrated
    {
        get
        {
            if (Times.Count == 1) return Scores[0];
            double area = 0;
            for (int k = 1; k < Times.Count; k++) area += (Times[k] - Times[k - 1]) * (Scores[k] + Scores[k - 1]) / 2;
            return area / (Times[^1] - Times[0]);
        }
    }

    /// <summary>Scores predictions.</summary>
    /// <param name="data">Follow-up of the n subjects predicted, without entry times.</param>
    /// <param name="times">Times greater than 0, rising, at most the last follow-up.</param>
    /// <param name="survival">Predicted probability of being alive, n x times.</param>
    /// <param name="censoring">Subjects from whom the probability of censoring is estimated, such as the training set; null for the same.</param>
    /// <exception cref="SurvivalDataException">Shapes differ, a time is not usable, or a probability is not one.</exception>
    public static BrierScore Compute(SurvivalData data, ReadOnlySpan<double> times, double[,] survival, SurvivalData? censoring = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(survival);
        int n = data.Count;
        data.RequireMatching(survival.GetLength(0), "rows of predictions");
        if (times.Length == 0 || survival.GetLength(1) != times.Length)
            throw new SurvivalDataException($"there are {times.Length} times but {survival.GetLength(1)} columns of predictions: give one column per time");
        censoring ??= data;
        double last = 0, total = 0;
        foreach (double t in data.Time) last = Math.Max(last, t);
        for (int i = 0; i < n; i++) total += data.WeightOf(i);
        CensoringCurve followed = CensoringCurve.Estimate(censoring);
        var scores = new double[times.Length];
        for (int k = 0; k < times.Length; k++)
        {
            double t = times[k];
            if (!(t > 0) || t > last || (k > 0 && t <= times[k - 1]))
                throw new SurvivalDataException($"time {k + 1} is {t}: times must rise, from above 0 to the last follow-up at {last}");
            double sum = 0, still = followed.At(t);
            for (int i = 0; i < n; i++)
            {
                double s = survival[i, k];
                if (!(s is >= 0 and <= 1)) throw new SurvivalDataException($"the prediction of {SurvivalData.Subject(i, n)} at time {t} is {s}: probabilities lie between 0 and 1");
                bool alive = data.Time[i] > t;
                if (!alive && !data.Event[i]) continue;
                double probability = alive ? still : followed.Before(data.Time[i]);
                if (!(probability > 0)) throw new SurvivalDataException($"nobody is followed beyond time {(alive ? t : data.Time[i])}: score earlier times only");
                sum += data.WeightOf(i) / probability * (alive ? (1 - s) * (1 - s) : s * s);
            }
            scores[k] = sum / total;
        }
        return new BrierScore(times.ToArray(), scores);
    }
}
