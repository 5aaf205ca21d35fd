using Cellcast.AnnData;

namespace Cellcast.Analysis.Clinical;

/// <summary>How a column of a cohort becomes covariates.</summary>
public enum CovariateKind
{
    /// <summary>Numbers are numeric; texts, categories and truth values are categorical.</summary>
    Automatic,

    /// <summary>One covariate, per unit.</summary>
    Numeric,

    /// <summary>One covariate per level other than the reference level.</summary>
    Categorical,
}

/// <summary>What is done with missing values.</summary>
public enum MissingCovariates
{
    /// <summary>Numbers: the median of the training patients, and a covariate of its own that says so. Categories: a level of its own.</summary>
    Indicator,

    /// <summary>Numbers: the median of the training patients. Categories: their most frequent level.</summary>
    Median,

    /// <summary>An error that names the patient.</summary>
    Refuse,
}

/// <summary>What is done with a level that no training patient has.</summary>
public enum UnknownLevels
{
    /// <summary>An error that names the patient and the known levels.</summary>
    Refuse,

    /// <summary>It counts as missing, with a warning.</summary>
    AsMissing,
}

/// <summary>A column that is to be a covariate.</summary>
/// <param name="Column">Name of the column of obs.</param>
/// <param name="Kind">What it becomes.</param>
/// <param name="Reference">Level that the others are compared with; null for the most frequent one among the training patients.</param>
public sealed record CovariateRequest(string Column, CovariateKind Kind = CovariateKind.Automatic, string? Reference = null)
{
    /// <summary>Reads a list as users write it: <c>age,sex,stage:categorical,grade:ref=G1</c>.</summary>
    /// <param name="list">Names of columns with commas between them; after a colon <c>numeric</c>, <c>categorical</c> or <c>ref=LEVEL</c>.</param>
    /// <exception cref="InputException">A part is empty, names a column twice, or says something else after the colon.</exception>
    public static IReadOnlyList<CovariateRequest> ParseList(string list)
    {
        ArgumentNullException.ThrowIfNull(list);
        var requests = new List<CovariateRequest>();
        foreach (string part in list.Split(','))
        {
            string[] pieces = part.Split(':', 2, StringSplitOptions.TrimEntries);
            if (pieces[0].Length == 0) throw new InputException($"the covariates '{list}' have an empty name among them; write them as age,sex,stage:categorical.");
            var request = pieces.Length == 1 ? new CovariateRequest(pieces[0]) : pieces[1] switch
            {
                "numeric" => new CovariateRequest(pieces[0], CovariateKind.Numeric),
                "categorical" => new CovariateRequest(pieces[0], CovariateKind.Categorical),
                ['r', 'e', 'f', '=', .. var level] when level.Length > 0 => new CovariateRequest(pieces[0], CovariateKind.Categorical, level),
                var other => throw new InputException($"the covariate '{part.Trim()}' says '{other}' after the colon; numeric, categorical or ref=LEVEL can stand there."),
            };
            if (requests.Any(r => r.Column == request.Column)) throw new InputException($"the covariates '{list}' name '{request.Column}' twice; leave one out.");
            requests.Add(request);
        }
        return requests;
    }
}
