using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>Random partitions of cells and patients; both follow from the seed.</summary>
public static class Splits
{
    /// <summary>Least number of deaths in each part of the cohort: with fewer its concordance or likelihood does not exist.</summary>
    public const int MinimumEvents = 2;

    /// <summary>Parts of the cohort, stratified by event.</summary>
    /// <param name="died">Event of each patient.</param>
    /// <param name="train">Share that trains.</param>
    /// <param name="validation">Share that validates.</param>
    /// <param name="key">Source of chance.</param>
    /// <exception cref="InputException">Too few events for three parts.</exception>
    public static Split[] OfPatients(bool[] died, double train, double validation, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(died);
        var splits = new Split[died.Length];
        foreach (bool stratum in (bool[])[true, false])
        {
            int[] members = [.. Enumerable.Range(0, died.Length).Where(i => died[i] == stratum)];
            int[] order = new RandomStream(key.Split(stratum ? "died" : "censored")).NextPermutation(members.Length);
            int first = (int)Math.Round(train * members.Length), second = first + (int)Math.Round(validation * members.Length);
            for (int i = 0; i < members.Length; i++)
                splits[members[order[i]]] = i < first ? Split.Train : i < second ? Split.Validation : Split.Test;
        }
        foreach (Split s in Enum.GetValues<Split>())
        {
            int events = Enumerable.Range(0, died.Length).Count(i => died[i] && splits[i] == s);
            if (events >= MinimumEvents) continue;
            double share = s == Split.Train ? train : s == Split.Validation ? validation : 1 - train - validation;
            int needed = (int)Math.Ceiling((MinimumEvents + 0.5) / Math.Max(share, 1e-9));
            throw new InputException($"the cohort has {died.Count(d => d)} event{(died.Count(d => d) == 1 ? "" : "s")} among {died.Length} patient{(died.Length == 1 ? "" : "s")}, which leaves {events} for the {s.ToString().ToLowerInvariant()} part; at least {MinimumEvents} are needed in each of training, validation and test, that is about {needed} events in all.");
        }
        return splits;
    }

    /// <summary>Training and validation cells; the rest takes no part in training.</summary>
    /// <param name="cells">Number of cells.</param>
    /// <param name="train">Share that trains.</param>
    /// <param name="validation">Share that validates.</param>
    /// <param name="key">Source of chance.</param>
    public static (int[] Train, int[] Validation, int[] Test) OfCells(int cells, double train, double validation, RandomKey key)
    {
        int[] order = new RandomStream(key).NextPermutation(cells);
        int second = Math.Max(1, (int)Math.Round(validation * cells));
        int third = Math.Max(0, (int)Math.Round((1 - train - validation) * cells));
        int first = cells - second - third;
        int[] Part(int from, int to)
        {
            int[] part = order[from..to];
            Array.Sort(part);
            return part;
        }
        return (Part(0, first), Part(first, first + second), Part(first + second, cells));
    }
}
