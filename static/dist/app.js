import { a as plain, c as SeqRanges, d as call, f as csrf, i as moved$1, l as said, n as emptyRow, o as Search, r as fillRow, s as following, u as ApiError } from "./logline-n6IdsMU2.js";
import { A as typing, C as element, D as setHidden, E as setAttribute, O as setText, S as debounced, T as one, a as refreshTimes, b as ngettext, d as count, f as duration, g as visible, h as size, i as keepTime, k as throttled, l as NODE_ENDED, m as secondsBetween, o as said$1, p as look$1, r as readGraph, s as serverNow, t as edgesAt, u as RUN_ENDED, v as fill, w as icon, x as all, y as gettext } from "./model-5LMbrC-d.js";
import { a as parse, c as readSamples, i as stuck, l as readSteps, n as fact, o as readOverviewMessage, r as reason, s as readRunMessage, t as cause } from "./fact-CAXZpV7r.js";
// node_modules/htmx.org/dist/htmx.esm.js
var htmx = (function() {
	"use strict";
	const htmx = {
		/** @type {typeof onLoadHelper} */
		onLoad: null,
		/** @type {typeof processNode} */
		process: null,
		/** @type {typeof addEventListenerImpl} */
		on: null,
		/** @type {typeof removeEventListenerImpl} */
		off: null,
		/** @type {typeof triggerEvent} */
		trigger: null,
		/** @type {typeof ajaxHelper} */
		ajax: null,
		/** @type {typeof find} */
		find: null,
		/** @type {typeof findAll} */
		findAll: null,
		/** @type {typeof closest} */
		closest: null,
		/**
		* Returns the input values that would resolve for a given element via the htmx value resolution mechanism
		*
		* @see https://htmx.org/api/#values
		*
		* @param {Element} elt the element to resolve values on
		* @param {HttpVerb} type the request type (e.g. **get** or **post**) non-GET's will include the enclosing form of the element. Defaults to **post**
		* @returns {Object}
		*/
		values: function(elt, type) {
			return getInputValues(elt, type || "post").values;
		},
		/** @type {typeof removeElement} */
		remove: null,
		/** @type {typeof addClassToElement} */
		addClass: null,
		/** @type {typeof removeClassFromElement} */
		removeClass: null,
		/** @type {typeof toggleClassOnElement} */
		toggleClass: null,
		/** @type {typeof takeClassForElement} */
		takeClass: null,
		/** @type {typeof swap} */
		swap: null,
		/** @type {typeof defineExtension} */
		defineExtension: null,
		/** @type {typeof removeExtension} */
		removeExtension: null,
		/** @type {typeof logAll} */
		logAll: null,
		/** @type {typeof logNone} */
		logNone: null,
		/**
		* The logger htmx uses to log with
		*
		* @see https://htmx.org/api/#logger
		*/
		logger: null,
		/**
		* A property holding the configuration htmx uses at runtime.
		*
		* Note that using a [meta tag](https://htmx.org/docs/#config) is the preferred mechanism for setting these properties.
		*
		* @see https://htmx.org/api/#config
		*/
		config: {
			/**
			* Whether to use history.
			* @type boolean
			* @default true
			*/
			historyEnabled: true,
			/**
			* The number of pages to keep in **sessionStorage** for history support.
			* @type number
			* @default 10
			*/
			historyCacheSize: 10,
			/**
			* @type boolean
			* @default false
			*/
			refreshOnHistoryMiss: false,
			/**
			* The default swap style to use if **[hx-swap](https://htmx.org/attributes/hx-swap)** is omitted.
			* @type HtmxSwapStyle
			* @default 'innerHTML'
			*/
			defaultSwapStyle: "innerHTML",
			/**
			* The default delay between receiving a response from the server and doing the swap.
			* @type number
			* @default 0
			*/
			defaultSwapDelay: 0,
			/**
			* The default delay between completing the content swap and settling attributes.
			* @type number
			* @default 20
			*/
			defaultSettleDelay: 20,
			/**
			* If true, htmx will inject a small amount of CSS into the page to make indicators invisible unless the **htmx-indicator** class is present.
			* @type boolean
			* @default true
			*/
			includeIndicatorStyles: true,
			/**
			* The class to place on indicators when a request is in flight.
			* @type string
			* @default 'htmx-indicator'
			*/
			indicatorClass: "htmx-indicator",
			/**
			* The class to place on triggering elements when a request is in flight.
			* @type string
			* @default 'htmx-request'
			*/
			requestClass: "htmx-request",
			/**
			* The class to temporarily place on elements that htmx has added to the DOM.
			* @type string
			* @default 'htmx-added'
			*/
			addedClass: "htmx-added",
			/**
			* The class to place on target elements when htmx is in the settling phase.
			* @type string
			* @default 'htmx-settling'
			*/
			settlingClass: "htmx-settling",
			/**
			* The class to place on target elements when htmx is in the swapping phase.
			* @type string
			* @default 'htmx-swapping'
			*/
			swappingClass: "htmx-swapping",
			/**
			* Allows the use of eval-like functionality in htmx, to enable **hx-vars**, trigger conditions & script tag evaluation. Can be set to **false** for CSP compatibility.
			* @type boolean
			* @default true
			*/
			allowEval: true,
			/**
			* If set to false, disables the interpretation of script tags.
			* @type boolean
			* @default true
			*/
			allowScriptTags: true,
			/**
			* If set, the nonce will be added to inline scripts.
			* @type string
			* @default ''
			*/
			inlineScriptNonce: "",
			/**
			* If set, the nonce will be added to inline styles.
			* @type string
			* @default ''
			*/
			inlineStyleNonce: "",
			/**
			* The attributes to settle during the settling phase.
			* @type string[]
			* @default ['class', 'style', 'width', 'height']
			*/
			attributesToSettle: [
				"class",
				"style",
				"width",
				"height"
			],
			/**
			* Allow cross-site Access-Control requests using credentials such as cookies, authorization headers or TLS client certificates.
			* @type boolean
			* @default false
			*/
			withCredentials: false,
			/**
			* @type number
			* @default 0
			*/
			timeout: 0,
			/**
			* The default implementation of **getWebSocketReconnectDelay** for reconnecting after unexpected connection loss by the event code **Abnormal Closure**, **Service Restart** or **Try Again Later**.
			* @type {'full-jitter' | ((retryCount:number) => number)}
			* @default "full-jitter"
			*/
			wsReconnectDelay: "full-jitter",
			/**
			* The type of binary data being received over the WebSocket connection
			* @type BinaryType
			* @default 'blob'
			*/
			wsBinaryType: "blob",
			/**
			* @type string
			* @default '[hx-disable], [data-hx-disable]'
			*/
			disableSelector: "[hx-disable], [data-hx-disable]",
			/**
			* @type {'auto' | 'instant' | 'smooth'}
			* @default 'instant'
			*/
			scrollBehavior: "instant",
			/**
			* If the focused element should be scrolled into view.
			* @type boolean
			* @default false
			*/
			defaultFocusScroll: false,
			/**
			* If set to true htmx will include a cache-busting parameter in GET requests to avoid caching partial responses by the browser
			* @type boolean
			* @default false
			*/
			getCacheBusterParam: false,
			/**
			* If set to true, htmx will use the View Transition API when swapping in new content.
			* @type boolean
			* @default false
			*/
			globalViewTransitions: false,
			/**
			* htmx will format requests with these methods by encoding their parameters in the URL, not the request body
			* @type {(HttpVerb)[]}
			* @default ['get', 'delete']
			*/
			methodsThatUseUrlParams: ["get", "delete"],
			/**
			* If set to true, disables htmx-based requests to non-origin hosts.
			* @type boolean
			* @default true
			*/
			selfRequestsOnly: true,
			/**
			* If set to true htmx will not update the title of the document when a title tag is found in new content
			* @type boolean
			* @default false
			*/
			ignoreTitle: false,
			/**
			* Whether the target of a boosted element is scrolled into the viewport.
			* @type boolean
			* @default true
			*/
			scrollIntoViewOnBoost: true,
			/**
			* The cache to store evaluated trigger specifications into.
			* You may define a simple object to use a never-clearing cache, or implement your own system using a [proxy object](https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Proxy)
			* @type {Object|null}
			* @default null
			*/
			triggerSpecsCache: null,
			/** @type boolean */
			disableInheritance: false,
			/** @type HtmxResponseHandlingConfig[] */
			responseHandling: [
				{
					code: "204",
					swap: false
				},
				{
					code: "[23]..",
					swap: true
				},
				{
					code: "[45]..",
					swap: false,
					error: true
				}
			],
			/**
			* Whether to process OOB swaps on elements that are nested within the main response element.
			* @type boolean
			* @default true
			*/
			allowNestedOobSwaps: true,
			/**
			* Whether to treat history cache miss full page reload requests as a "HX-Request" by returning this response header
			* This should always be disabled when using HX-Request header to optionally return partial responses
			* @type boolean
			* @default true
			*/
			historyRestoreAsHxRequest: true,
			/**
			* Whether to report input validation errors to the end user and update focus to the first input that fails validation.
			* This should always be enabled as this matches default browser form submit behaviour
			* @type boolean
			* @default false
			*/
			reportValidityOfForms: false
		},
		/** @type {typeof parseInterval} */
		parseInterval: null,
		/**
		* proxy of window.location used for page reload functions
		* @type location
		*/
		location,
		/** @type {typeof internalEval} */
		_: null,
		version: "2.0.11"
	};
	htmx.onLoad = onLoadHelper;
	htmx.process = processNode;
	htmx.on = addEventListenerImpl;
	htmx.off = removeEventListenerImpl;
	htmx.trigger = triggerEvent;
	htmx.ajax = ajaxHelper;
	htmx.find = find;
	htmx.findAll = findAll;
	htmx.closest = closest;
	htmx.remove = removeElement;
	htmx.addClass = addClassToElement;
	htmx.removeClass = removeClassFromElement;
	htmx.toggleClass = toggleClassOnElement;
	htmx.takeClass = takeClassForElement;
	htmx.swap = swap;
	htmx.defineExtension = defineExtension;
	htmx.removeExtension = removeExtension;
	htmx.logAll = logAll;
	htmx.logNone = logNone;
	htmx.parseInterval = parseInterval;
	htmx._ = internalEval;
	const internalAPI = {
		addTriggerHandler,
		bodyContains,
		canAccessLocalStorage,
		findThisElement,
		filterValues,
		swap,
		hasAttribute,
		getAttributeValue,
		getClosestAttributeValue,
		getClosestMatch,
		getExpressionVars,
		getHeaders,
		getInputValues,
		getInternalData,
		getSwapSpecification,
		getTriggerSpecs,
		getTarget,
		makeFragment,
		mergeObjects,
		makeSettleInfo,
		oobSwap,
		querySelectorExt,
		settleImmediately,
		shouldCancel,
		triggerEvent,
		triggerErrorEvent,
		withExtensions
	};
	const VERBS = [
		"get",
		"post",
		"put",
		"delete",
		"patch"
	];
	const VERB_SELECTOR = VERBS.map(function(verb) {
		return "[hx-" + verb + "], [data-hx-" + verb + "]";
	}).join(", ");
	/**
	* Parses an interval string consistent with the way htmx does. Useful for plugins that have timing-related attributes.
	*
	* Caution: Accepts an int followed by either **s** or **ms**. All other values use **parseFloat**
	*
	* @see https://htmx.org/api/#parseInterval
	*
	* @param {string} str timing string
	* @returns {number|undefined}
	*/
	function parseInterval(str) {
		if (str == void 0) return;
		let interval = NaN;
		if (str.slice(-2) == "ms") interval = parseFloat(str.slice(0, -2));
		else if (str.slice(-1) == "s") interval = parseFloat(str.slice(0, -1)) * 1e3;
		else if (str.slice(-1) == "m") interval = parseFloat(str.slice(0, -1)) * 1e3 * 60;
		else interval = parseFloat(str);
		return isNaN(interval) ? void 0 : interval;
	}
	/**
	* @param {Node} elt
	* @param {string} name
	* @returns {(string | null)}
	*/
	function getRawAttribute(elt, name) {
		return elt instanceof Element && elt.getAttribute(name);
	}
	/**
	* @param {Element} elt
	* @param {string} qualifiedName
	* @returns {boolean}
	*/
	function hasAttribute(elt, qualifiedName) {
		return !!elt.hasAttribute && (elt.hasAttribute(qualifiedName) || elt.hasAttribute("data-" + qualifiedName));
	}
	/**
	*
	* @param {Node} elt
	* @param {string} qualifiedName
	* @returns {(string | null)}
	*/
	function getAttributeValue(elt, qualifiedName) {
		return getRawAttribute(elt, qualifiedName) || getRawAttribute(elt, "data-" + qualifiedName);
	}
	/**
	* @param {Node} elt
	* @returns {Node | null}
	*/
	function parentElt(elt) {
		const parent = elt.parentElement;
		if (!parent && elt.parentNode instanceof ShadowRoot) return elt.parentNode;
		return parent;
	}
	/**
	* @returns {Document}
	*/
	function getDocument() {
		return document;
	}
	/**
	* @param {Node} elt
	* @param {boolean} global
	* @returns {Node|Document}
	*/
	function getRootNode(elt, global) {
		return elt.getRootNode ? elt.getRootNode({ composed: global }) : getDocument();
	}
	/**
	* @param {Node} elt
	* @param {(e:Node) => boolean} condition
	* @returns {Node | null}
	*/
	function getClosestMatch(elt, condition) {
		while (elt && !condition(elt)) elt = parentElt(elt);
		return elt || null;
	}
	/**
	* @param {Element} initialElement
	* @param {Element} ancestor
	* @param {string} attributeName
	* @returns {string|null}
	*/
	function getAttributeValueWithDisinheritance(initialElement, ancestor, attributeName) {
		const attributeValue = getAttributeValue(ancestor, attributeName);
		const disinherit = getAttributeValue(ancestor, "hx-disinherit");
		var inherit = getAttributeValue(ancestor, "hx-inherit");
		if (initialElement !== ancestor) {
			if (htmx.config.disableInheritance) {
				if (inherit && (inherit === "*" || inherit.split(" ").indexOf(attributeName) >= 0)) return attributeValue;
				else return null;
			}
			if (disinherit && (disinherit === "*" || disinherit.split(" ").indexOf(attributeName) >= 0)) return "unset";
		}
		return attributeValue;
	}
	/**
	* @param {Element} elt
	* @param {string} attributeName
	* @returns {string | null}
	*/
	function getClosestAttributeValue(elt, attributeName) {
		let closestAttr = null;
		getClosestMatch(elt, function(e) {
			return !!(closestAttr = getAttributeValueWithDisinheritance(elt, asElement(e), attributeName));
		});
		if (closestAttr !== "unset") return closestAttr;
	}
	/**
	* @param {Node} elt
	* @param {string} selector
	* @returns {boolean}
	*/
	function matches(elt, selector) {
		return elt instanceof Element && elt.matches(selector);
	}
	/**
	* @param {string} str
	* @returns {string}
	*/
	function getStartTag(str) {
		const match = /<([a-z][^\/\0>\x20\t\r\n\f]*)/i.exec(str);
		if (match) return match[1].toLowerCase();
		else return "";
	}
	/**
	* @param {string} resp
	* @returns {Document}
	*/
	function parseHTML(resp) {
		if ("parseHTMLUnsafe" in Document) return Document.parseHTMLUnsafe(resp);
		return new DOMParser().parseFromString(resp, "text/html");
	}
	/**
	* @param {DocumentFragment} fragment
	* @param {Node} elt
	*/
	function takeChildrenFor(fragment, elt) {
		while (elt.childNodes.length > 0) fragment.append(elt.childNodes[0]);
	}
	/**
	* @param {HTMLScriptElement} script
	* @returns {HTMLScriptElement}
	*/
	function duplicateScript(script) {
		const newScript = getDocument().createElement("script");
		forEach(script.attributes, function(attr) {
			newScript.setAttribute(attr.name, attr.value);
		});
		newScript.textContent = script.textContent;
		newScript.async = false;
		if (htmx.config.inlineScriptNonce) newScript.nonce = htmx.config.inlineScriptNonce;
		return newScript;
	}
	/**
	* @param {HTMLScriptElement} script
	* @returns {boolean}
	*/
	function isJavaScriptScriptNode(script) {
		return script.matches("script") && (script.type === "text/javascript" || script.type === "module" || script.type === "");
	}
	/**
	* we have to make new copies of script tags that we are going to insert because
	* SOME browsers (not saying who, but it involves an element and an animal) don't
	* execute scripts created in <template> tags when they are inserted into the DOM
	* and all the others do lmao
	* @param {DocumentFragment} fragment
	*/
	function normalizeScriptTags(fragment) {
		if (!htmx.config.allowScriptTags) {
			fragment.querySelectorAll("script").forEach((script) => script.remove());
			return;
		}
		Array.from(fragment.querySelectorAll("script")).forEach(
			/** @param {HTMLScriptElement} script */
			(script) => {
				if (isJavaScriptScriptNode(script)) {
					const newScript = duplicateScript(script);
					const parent = script.parentNode;
					try {
						parent.insertBefore(newScript, script);
					} catch (e) {
						logError(e);
					} finally {
						script.remove();
					}
				}
			}
		);
	}
	/**
	* @typedef {DocumentFragment & {title?: string}} DocumentFragmentWithTitle
	* @description  a document fragment representing the response HTML, including
	* a `title` property for any title information found
	*/
	/**
	* @param {string} response HTML
	* @returns {DocumentFragmentWithTitle}
	*/
	function makeFragment(response) {
		response = response.replace(/<hx-([a-z]+)((?:\s[^>]*)?)>/gi, "<template hx type=\"$1\"$2>").replace(/<\/hx-[a-z]+>/gi, "</template>");
		const responseWithNoHead = response.replace(/<head(\s[^>]*)?>[\s\S]*?<\/head>/i, "");
		const startTag = getStartTag(responseWithNoHead);
		/** @type DocumentFragmentWithTitle */
		let fragment;
		if (startTag === "html") {
			fragment = new DocumentFragment();
			const doc = parseHTML(response);
			takeChildrenFor(fragment, doc.body);
			fragment.title = doc.title;
		} else if (startTag === "body") {
			fragment = new DocumentFragment();
			const doc = parseHTML(responseWithNoHead);
			takeChildrenFor(fragment, doc.body);
			fragment.title = doc.title;
		} else {
			const doc = parseHTML("<body><template class=\"internal-htmx-wrapper\">" + responseWithNoHead + "</template></body>");
			fragment = doc.querySelector("template").content;
			fragment.title = doc.title;
			var titleElement = fragment.querySelector("title");
			if (titleElement && titleElement.parentNode === fragment) {
				titleElement.remove();
				fragment.title = titleElement.innerText;
			}
		}
		if (fragment) normalizeScriptTags(fragment);
		return fragment;
	}
	/**
	* @param {Function} func
	*/
	function maybeCall(func) {
		if (func) func();
	}
	/**
	* @param {any} o
	* @param {string} type
	* @returns
	*/
	function isType(o, type) {
		return Object.prototype.toString.call(o) === "[object " + type + "]";
	}
	/**
	* @param {*} o
	* @returns {o is Function}
	*/
	function isFunction(o) {
		return typeof o === "function";
	}
	/**
	* @param {*} o
	* @returns {o is Object}
	*/
	function isRawObject(o) {
		return isType(o, "Object");
	}
	/**
	* @typedef {Object} OnHandler
	* @property {(keyof HTMLElementEventMap)|string} event
	* @property {EventListener} listener
	*/
	/**
	* @typedef {Object} ListenerInfo
	* @property {string} trigger
	* @property {EventListener} listener
	* @property {EventTarget} on
	*/
	/**
	* @typedef {Object} HtmxNodeInternalData
	* Element data
	* @property {number} [initHash]
	* @property {boolean} [boosted]
	* @property {OnHandler[]} [onHandlers]
	* @property {number} [timeout]
	* @property {ListenerInfo[]} [listenerInfos]
	* @property {boolean} [cancelled]
	* @property {boolean} [triggeredOnce]
	* @property {number} [delayed]
	* @property {number|null} [throttle]
	* @property {WeakMap<HtmxTriggerSpecification,WeakMap<EventTarget,string>>} [lastValue]
	* @property {boolean} [loaded]
	* @property {string} [path]
	* @property {string} [verb]
	* @property {boolean} [polling]
	* @property {HTMLButtonElement|HTMLInputElement|null} [lastButtonClicked]
	* @property {number} [requestCount]
	* @property {XMLHttpRequest} [xhr]
	* @property {(() => void)[]} [queuedRequests]
	* @property {boolean} [abortable]
	* @property {boolean} [firstInitCompleted]
	*
	* Event data
	* @property {HtmxTriggerSpecification} [triggerSpec]
	* @property {EventTarget[]} [handledFor]
	*/
	/**
	* getInternalData retrieves "private" data stored by htmx within an element
	* @param {EventTarget|Event} elt
	* @returns {HtmxNodeInternalData}
	*/
	function getInternalData(elt) {
		const dataProp = "htmx-internal-data";
		let data = elt[dataProp];
		if (!data) data = elt[dataProp] = {};
		return data;
	}
	/**
	* toArray converts an ArrayLike object into a real array.
	* @template T
	* @param {ArrayLike<T>} arr
	* @returns {T[]}
	*/
	function toArray(arr) {
		const returnArr = [];
		if (arr) for (let i = 0; i < arr.length; i++) returnArr.push(arr[i]);
		return returnArr;
	}
	/**
	* @template T
	* @param {T[]|NamedNodeMap|HTMLCollection|HTMLFormControlsCollection|ArrayLike<T>} arr
	* @param {(T) => void} func
	*/
	function forEach(arr, func) {
		if (arr) for (let i = 0; i < arr.length; i++) func(arr[i]);
	}
	/**
	* @param {Element} el
	* @returns {boolean}
	*/
	function isScrolledIntoView(el) {
		const rect = el.getBoundingClientRect();
		const elemTop = rect.top;
		const elemBottom = rect.bottom;
		return elemTop < window.innerHeight && elemBottom >= 0;
	}
	/**
	* Checks whether the element is in the document (includes shadow roots).
	* This function this is a slight misnomer; it will return true even for elements in the head.
	*
	* @param {Node} elt
	* @returns {boolean}
	*/
	function bodyContains(elt) {
		return elt.getRootNode({ composed: true }) === document;
	}
	/**
	* @param {string} trigger
	* @returns {string[]}
	*/
	function splitOnWhitespace(trigger) {
		return trigger.trim().split(/\s+/);
	}
	/**
	* mergeObjects takes all the keys from
	* obj2 and duplicates them into obj1
	* @template T1
	* @template T2
	* @param {T1} obj1
	* @param {T2} obj2
	* @returns {T1 & T2}
	*/
	function mergeObjects(obj1, obj2) {
		return Object.assign({}, obj1, obj2);
	}
	/**
	* @param {string} jString
	* @returns {any|null}
	*/
	function parseJSON(jString) {
		try {
			return JSON.parse(jString);
		} catch (error) {
			logError(error);
			return null;
		}
	}
	/**
	* @returns {boolean}
	*/
	function canAccessLocalStorage() {
		const test = "htmx:sessionStorageTest";
		try {
			sessionStorage.setItem(test, test);
			sessionStorage.removeItem(test);
			return true;
		} catch (e) {
			return false;
		}
	}
	/**
	* @param {string} path
	* @returns {string}
	*/
	function normalizePath(path) {
		try {
			const url = new URL(path, window.location.href);
			path = url.pathname + url.search;
		} catch (e) {}
		if (path != "/") path = path.replace(/\/+$/, "");
		return path;
	}
	/**
	* @param {string} str
	* @returns {any}
	*/
	function internalEval(str) {
		return maybeEval(getDocument().body, function() {
			return eval(str);
		});
	}
	/**
	* Adds a callback for the **htmx:load** event. This can be used to process new content, for example initializing the content with a javascript library
	*
	* @see https://htmx.org/api/#onLoad
	*
	* @param {(elt: Node) => void} callback the callback to call on newly loaded content
	* @returns {EventListener}
	*/
	function onLoadHelper(callback) {
		return htmx.on(
			"htmx:load",
			/** @param {CustomEvent} evt */
			function(evt) {
				callback(evt.detail.elt);
			}
		);
	}
	/**
	* Log all htmx events, useful for debugging.
	*
	* @see https://htmx.org/api/#logAll
	*/
	function logAll() {
		htmx.logger = function(elt, event, data) {
			if (console) console.log(event, elt, data);
		};
	}
	function logNone() {
		htmx.logger = null;
	}
	/**
	* Finds an element matching the selector
	*
	* @see https://htmx.org/api/#find
	*
	* @param {ParentNode|string} eltOrSelector  the root element to search inside of, not including the root itself | the selector to match
	* @param {string} [selector] the selector to match
	* @returns {Element|null}
	*/
	function find(eltOrSelector, selector) {
		if (typeof eltOrSelector !== "string") return eltOrSelector.querySelector(selector);
		else return find(getDocument(), eltOrSelector);
	}
	/**
	* Finds all elements matching the selector
	*
	* @see https://htmx.org/api/#findAll
	*
	* @param {ParentNode|string} eltOrSelector  the root element to search inside of, not including the root itself | the selector to match
	* @param {string} [selector] the selector to match
	* @returns {NodeListOf<Element>}
	*/
	function findAll(eltOrSelector, selector) {
		if (typeof eltOrSelector !== "string") return eltOrSelector.querySelectorAll(selector);
		else return findAll(getDocument(), eltOrSelector);
	}
	/**
	* @returns Window
	*/
	function getWindow() {
		return window;
	}
	/**
	* Removes an element from the DOM
	*
	* @see https://htmx.org/api/#remove
	*
	* @param {Node} elt
	* @param {number} [delay]
	*/
	function removeElement(elt, delay) {
		elt = resolveTarget(elt);
		if (delay) getWindow().setTimeout(function() {
			removeElement(elt);
			elt = null;
		}, delay);
		else parentElt(elt).removeChild(elt);
	}
	/**
	* @param {any} elt
	* @return {Element|null}
	*/
	function asElement(elt) {
		return elt instanceof Element ? elt : null;
	}
	/**
	* @param {any} elt
	* @return {HTMLElement|null}
	*/
	function asHtmlElement(elt) {
		return elt instanceof HTMLElement ? elt : null;
	}
	/**
	* @param {any} value
	* @return {string|null}
	*/
	function asString(value) {
		return typeof value === "string" ? value : null;
	}
	/**
	* @param {EventTarget} elt
	* @return {ParentNode|null}
	*/
	function asParentNode(elt) {
		return elt instanceof Element || elt instanceof Document || elt instanceof DocumentFragment ? elt : null;
	}
	/**
	* This method adds a class to the given element.
	*
	* @see https://htmx.org/api/#addClass
	*
	* @param {Element|string} elt the element to add the class to
	* @param {string} clazz the class to add
	* @param {number} [delay] the delay (in milliseconds) before class is added
	*/
	function addClassToElement(elt, clazz, delay) {
		elt = asElement(resolveTarget(elt));
		if (!elt) return;
		if (delay) getWindow().setTimeout(function() {
			addClassToElement(elt, clazz);
			elt = null;
		}, delay);
		else elt.classList && elt.classList.add(clazz);
	}
	/**
	* Removes a class from the given element
	*
	* @see https://htmx.org/api/#removeClass
	*
	* @param {Node|string} node element to remove the class from
	* @param {string} clazz the class to remove
	* @param {number} [delay] the delay (in milliseconds before class is removed)
	*/
	function removeClassFromElement(node, clazz, delay) {
		let elt = asElement(resolveTarget(node));
		if (!elt) return;
		if (delay) getWindow().setTimeout(function() {
			removeClassFromElement(elt, clazz);
			elt = null;
		}, delay);
		else if (elt.classList) {
			elt.classList.remove(clazz);
			if (elt.classList.length === 0) elt.removeAttribute("class");
		}
	}
	/**
	* Toggles the given class on an element
	*
	* @see https://htmx.org/api/#toggleClass
	*
	* @param {Element|string} elt the element to toggle the class on
	* @param {string} clazz the class to toggle
	*/
	function toggleClassOnElement(elt, clazz) {
		elt = resolveTarget(elt);
		elt.classList.toggle(clazz);
	}
	/**
	* Takes the given class from its siblings, so that among its siblings, only the given element will have the class.
	*
	* @see https://htmx.org/api/#takeClass
	*
	* @param {Node|string} elt the element that will take the class
	* @param {string} clazz the class to take
	*/
	function takeClassForElement(elt, clazz) {
		elt = resolveTarget(elt);
		forEach(elt.parentElement.children, function(child) {
			removeClassFromElement(child, clazz);
		});
		addClassToElement(asElement(elt), clazz);
	}
	/**
	* Finds the closest matching element in the given elements parentage, inclusive of the element
	*
	* @see https://htmx.org/api/#closest
	*
	* @param {Element|string} elt the element to find the selector from
	* @param {string} selector the selector to find
	* @returns {Element|null}
	*/
	function closest(elt, selector) {
		elt = asElement(resolveTarget(elt));
		if (elt) return elt.closest(selector);
		return null;
	}
	/**
	* @param {string} str
	* @param {string} prefix
	* @returns {boolean}
	*/
	function startsWith(str, prefix) {
		return str.substring(0, prefix.length) === prefix;
	}
	/**
	* @param {string} str
	* @param {string} suffix
	* @returns {boolean}
	*/
	function endsWith(str, suffix) {
		return str.substring(str.length - suffix.length) === suffix;
	}
	/**
	* @param {string} selector
	* @returns {string}
	*/
	function normalizeSelector(selector) {
		const trimmedSelector = selector.trim();
		if (startsWith(trimmedSelector, "<") && endsWith(trimmedSelector, "/>")) return trimmedSelector.substring(1, trimmedSelector.length - 2);
		else return trimmedSelector;
	}
	/**
	* @param {Node|Element|Document|string} elt
	* @param {string} selector
	* @param {boolean=} global
	* @returns {(Node|Window)[]}
	*/
	function querySelectorAllExt(elt, selector, global) {
		if (selector.indexOf("global ") === 0) return querySelectorAllExt(elt, selector.slice(7), true);
		elt = resolveTarget(elt);
		const parts = [];
		{
			let chevronsCount = 0;
			let offset = 0;
			for (let i = 0; i < selector.length; i++) {
				const char = selector[i];
				if (char === "," && chevronsCount === 0) {
					parts.push(selector.substring(offset, i));
					offset = i + 1;
					continue;
				}
				if (char === "<") chevronsCount++;
				else if (char === "/" && i < selector.length - 1 && selector[i + 1] === ">") chevronsCount--;
			}
			if (offset < selector.length) parts.push(selector.substring(offset));
		}
		const result = [];
		const unprocessedParts = [];
		while (parts.length > 0) {
			const selector = normalizeSelector(parts.shift());
			let item;
			if (selector.indexOf("closest ") === 0) item = closest(asElement(elt), normalizeSelector(selector.slice(8)));
			else if (selector.indexOf("find ") === 0) item = find(asParentNode(elt), normalizeSelector(selector.slice(5)));
			else if (selector === "next" || selector === "nextElementSibling") item = asElement(elt).nextElementSibling;
			else if (selector.indexOf("next ") === 0) item = scanForwardQuery(elt, normalizeSelector(selector.slice(5)), !!global);
			else if (selector === "previous" || selector === "previousElementSibling") item = asElement(elt).previousElementSibling;
			else if (selector.indexOf("previous ") === 0) item = scanBackwardsQuery(elt, normalizeSelector(selector.slice(9)), !!global);
			else if (selector === "document") item = document;
			else if (selector === "window") item = window;
			else if (selector === "body") item = document.body;
			else if (selector === "root") item = getRootNode(elt, !!global);
			else if (selector === "host") item = elt.getRootNode().host;
			else unprocessedParts.push(selector);
			if (item) result.push(item);
		}
		if (unprocessedParts.length > 0) {
			const standardSelector = unprocessedParts.join(",");
			const rootNode = asParentNode(getRootNode(elt, !!global));
			result.push(...toArray(rootNode.querySelectorAll(standardSelector)));
		}
		return result;
	}
	/**
	* @param {Node} start
	* @param {string} match
	* @param {boolean} global
	* @returns {Element}
	*/
	var scanForwardQuery = function(start, match, global) {
		const results = asParentNode(getRootNode(start, global)).querySelectorAll(match);
		for (let i = 0; i < results.length; i++) {
			const elt = results[i];
			if (elt.compareDocumentPosition(start) === Node.DOCUMENT_POSITION_PRECEDING) return elt;
		}
	};
	/**
	* @param {Node} start
	* @param {string} match
	* @param {boolean} global
	* @returns {Element}
	*/
	var scanBackwardsQuery = function(start, match, global) {
		const results = asParentNode(getRootNode(start, global)).querySelectorAll(match);
		for (let i = results.length - 1; i >= 0; i--) {
			const elt = results[i];
			if (elt.compareDocumentPosition(start) === Node.DOCUMENT_POSITION_FOLLOWING) return elt;
		}
	};
	/**
	* @param {Node|string} eltOrSelector
	* @param {string=} selector
	* @returns {Node|Window}
	*/
	function querySelectorExt(eltOrSelector, selector) {
		if (typeof eltOrSelector !== "string") return querySelectorAllExt(eltOrSelector, selector)[0];
		else return querySelectorAllExt(getDocument().body, eltOrSelector)[0];
	}
	/**
	* @template {EventTarget} T
	* @param {T|string} eltOrSelector
	* @param {T} [context]
	* @returns {Element|T|null}
	*/
	function resolveTarget(eltOrSelector, context) {
		if (typeof eltOrSelector === "string") return find(asParentNode(context) || document, eltOrSelector);
		else return eltOrSelector;
	}
	/**
	* @typedef {keyof HTMLElementEventMap|string} AnyEventName
	*/
	/**
	* @typedef {Object} EventArgs
	* @property {EventTarget} target
	* @property {AnyEventName} event
	* @property {EventListener} listener
	* @property {Object|boolean} options
	*/
	/**
	* @param {EventTarget|AnyEventName} arg1
	* @param {AnyEventName|EventListener} arg2
	* @param {EventListener|Object|boolean} [arg3]
	* @param {Object|boolean} [arg4]
	* @returns {EventArgs}
	*/
	function processEventArgs(arg1, arg2, arg3, arg4) {
		if (isFunction(arg2)) return {
			target: getDocument().body,
			event: asString(arg1),
			listener: arg2,
			options: arg3
		};
		else return {
			target: resolveTarget(arg1),
			event: asString(arg2),
			listener: arg3,
			options: arg4
		};
	}
	/**
	* Adds an event listener to an element
	*
	* @see https://htmx.org/api/#on
	*
	* @param {EventTarget|string} arg1 the element to add the listener to | the event name to add the listener for
	* @param {string|EventListener} arg2 the event name to add the listener for | the listener to add
	* @param {EventListener|Object|boolean} [arg3] the listener to add | options to add
	* @param {Object|boolean} [arg4] options to add
	* @returns {EventListener}
	*/
	function addEventListenerImpl(arg1, arg2, arg3, arg4) {
		ready(function() {
			const eventArgs = processEventArgs(arg1, arg2, arg3, arg4);
			eventArgs.target.addEventListener(eventArgs.event, eventArgs.listener, eventArgs.options);
		});
		return isFunction(arg2) ? arg2 : arg3;
	}
	/**
	* Removes an event listener from an element
	*
	* @see https://htmx.org/api/#off
	*
	* @param {EventTarget|string} arg1 the element to remove the listener from | the event name to remove the listener from
	* @param {string|EventListener} arg2 the event name to remove the listener from | the listener to remove
	* @param {EventListener} [arg3] the listener to remove
	* @returns {EventListener}
	*/
	function removeEventListenerImpl(arg1, arg2, arg3) {
		ready(function() {
			const eventArgs = processEventArgs(arg1, arg2, arg3);
			eventArgs.target.removeEventListener(eventArgs.event, eventArgs.listener);
		});
		return isFunction(arg2) ? arg2 : arg3;
	}
	const DUMMY_ELT = getDocument().createElement("output");
	/**
	* @param {Element} elt
	* @param {string} attrName
	* @returns {(Node|Window)[]}
	*/
	function findAttributeTargets(elt, attrName) {
		const attrTarget = getClosestAttributeValue(elt, attrName);
		if (attrTarget) {
			if (attrTarget === "this") return [findThisElement(elt, attrName)];
			else {
				const result = querySelectorAllExt(elt, attrTarget);
				if (/(^|,)(\s*)inherit(\s*)($|,)/.test(attrTarget)) {
					const eltToInheritFrom = asElement(getClosestMatch(elt, function(parent) {
						return parent !== elt && hasAttribute(asElement(parent), attrName);
					}));
					if (eltToInheritFrom) result.push(...findAttributeTargets(eltToInheritFrom, attrName));
				}
				if (result.length === 0) {
					logError("The selector \"" + attrTarget + "\" on " + attrName + " returned no matches!");
					return [DUMMY_ELT];
				} else return result;
			}
		}
	}
	/**
	* @param {Element} elt
	* @param {string} attribute
	* @returns {Element|null}
	*/
	function findThisElement(elt, attribute) {
		return asElement(getClosestMatch(elt, function(elt) {
			return getAttributeValue(asElement(elt), attribute) != null;
		}));
	}
	/**
	* @param {Element} elt
	* @returns {Node|Window|null}
	*/
	function getTarget(elt) {
		const targetStr = getClosestAttributeValue(elt, "hx-target");
		if (targetStr) {
			if (targetStr === "this") return findThisElement(elt, "hx-target");
			else return querySelectorExt(elt, targetStr);
		} else if (getInternalData(elt).boosted) return getDocument().body;
		else return elt;
	}
	/**
	* @param {string} name
	* @returns {boolean}
	*/
	function shouldSettleAttribute(name) {
		return htmx.config.attributesToSettle.includes(name);
	}
	/**
	* @param {Element} mergeTo
	* @param {Element} mergeFrom
	*/
	function cloneAttributes(mergeTo, mergeFrom) {
		forEach(Array.from(mergeTo.attributes), function(attr) {
			if (!mergeFrom.hasAttribute(attr.name) && shouldSettleAttribute(attr.name)) mergeTo.removeAttribute(attr.name);
		});
		forEach(mergeFrom.attributes, function(attr) {
			if (shouldSettleAttribute(attr.name)) mergeTo.setAttribute(attr.name, attr.value);
		});
	}
	/**
	* @param {HtmxSwapStyle} swapStyle
	* @param {Element} target
	* @returns {boolean}
	*/
	function isInlineSwap(swapStyle, target) {
		const extensions = getExtensions(target);
		for (let i = 0; i < extensions.length; i++) {
			const extension = extensions[i];
			try {
				if (extension.isInlineSwap(swapStyle)) return true;
			} catch (e) {
				logError(e);
			}
		}
		return swapStyle === "outerHTML";
	}
	/**
	* @param {string} oobValue
	* @param {Element} oobElement
	* @param {HtmxSettleInfo} settleInfo
	* @param {Node|Document} [rootNode]
	* @returns
	*/
	function oobSwap(oobValue, oobElement, settleInfo, rootNode) {
		rootNode = rootNode || getDocument();
		let selector = "#" + CSS.escape(getRawAttribute(oobElement, "id"));
		/** @type HtmxSwapStyle */
		let swapStyle = "outerHTML";
		if (oobValue === "true") {} else if (oobValue.indexOf(":") > 0) {
			swapStyle = oobValue.substring(0, oobValue.indexOf(":"));
			selector = oobValue.substring(oobValue.indexOf(":") + 1);
		} else swapStyle = oobValue;
		oobElement.removeAttribute("hx-swap-oob");
		oobElement.removeAttribute("data-hx-swap-oob");
		const targets = querySelectorAllExt(rootNode, selector, false);
		if (targets.length) {
			forEach(targets, function(target) {
				let fragment;
				const oobElementClone = oobElement.cloneNode(true);
				fragment = getDocument().createDocumentFragment();
				fragment.appendChild(oobElementClone);
				if (!isInlineSwap(swapStyle, target)) fragment = asParentNode(oobElementClone);
				const beforeSwapDetails = {
					shouldSwap: true,
					target,
					fragment
				};
				if (!triggerEvent(target, "htmx:oobBeforeSwap", beforeSwapDetails)) return;
				target = beforeSwapDetails.target;
				if (beforeSwapDetails.shouldSwap) {
					handlePreservedElements(fragment);
					swapWithStyle(swapStyle, target, target, fragment, settleInfo);
					restorePreservedElements();
				}
				forEach(settleInfo.elts, function(elt) {
					triggerEvent(elt, "htmx:oobAfterSwap", beforeSwapDetails);
				});
			});
			oobElement.parentNode.removeChild(oobElement);
		} else {
			oobElement.parentNode.removeChild(oobElement);
			triggerErrorEvent(getDocument().body, "htmx:oobErrorNoTarget", {
				content: oobElement,
				target: selector
			});
		}
		return oobValue;
	}
	function restorePreservedElements() {
		const pantry = find("#--htmx-preserve-pantry--");
		if (pantry) {
			for (const preservedElt of [...pantry.children]) {
				const existingElement = find("#" + preservedElt.id);
				existingElement.parentNode.moveBefore(preservedElt, existingElement);
				existingElement.remove();
			}
			pantry.remove();
		}
	}
	/**
	* @param {DocumentFragment|ParentNode} fragment
	*/
	function handlePreservedElements(fragment) {
		forEach(findAll(fragment, "[hx-preserve], [data-hx-preserve]"), function(preservedElt) {
			const id = getAttributeValue(preservedElt, "id");
			const existingElement = getDocument().getElementById(id);
			if (existingElement != null) {
				if (preservedElt.moveBefore) {
					let pantry = find("#--htmx-preserve-pantry--");
					if (pantry == null) {
						getDocument().body.insertAdjacentHTML("afterend", "<div id='--htmx-preserve-pantry--'></div>");
						pantry = find("#--htmx-preserve-pantry--");
					}
					pantry.moveBefore(existingElement, null);
				} else preservedElt.parentNode.replaceChild(existingElement, preservedElt);
			}
		});
	}
	/**
	* @param {Node} parentNode
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function handleAttributes(parentNode, fragment, settleInfo) {
		forEach(fragment.querySelectorAll("[id]"), function(newNode) {
			const id = getRawAttribute(newNode, "id");
			if (id && id.length > 0) {
				const parentElt = asParentNode(parentNode);
				const oldNode = parentElt && parentElt.querySelector(CSS.escape(newNode.tagName) + "#" + CSS.escape(id));
				if (oldNode && oldNode !== parentElt) {
					const newAttributes = newNode.cloneNode();
					cloneAttributes(newNode, oldNode);
					settleInfo.tasks.push(function() {
						cloneAttributes(newNode, newAttributes);
					});
				}
			}
		});
	}
	/**
	* @param {Node} child
	* @returns {HtmxSettleTask}
	*/
	function makeAjaxLoadTask(child) {
		return function() {
			removeClassFromElement(child, htmx.config.addedClass);
			processNode(asElement(child));
			processFocus(asParentNode(child));
			triggerEvent(child, "htmx:load");
		};
	}
	/**
	* @param {ParentNode} child
	*/
	function processFocus(child) {
		const autofocus = "[autofocus]";
		const autoFocusedElt = asHtmlElement(matches(child, autofocus) ? child : child.querySelector(autofocus));
		if (autoFocusedElt != null) autoFocusedElt.focus();
	}
	/**
	* @param {Node} parentNode
	* @param {Node} insertBefore
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function insertNodesBefore(parentNode, insertBefore, fragment, settleInfo) {
		handleAttributes(parentNode, fragment, settleInfo);
		while (fragment.childNodes.length > 0) {
			const child = fragment.firstChild;
			addClassToElement(asElement(child), htmx.config.addedClass);
			parentNode.insertBefore(child, insertBefore);
			if (child.nodeType !== Node.TEXT_NODE && child.nodeType !== Node.COMMENT_NODE) settleInfo.tasks.push(makeAjaxLoadTask(child));
		}
	}
	/**
	* based on https://gist.github.com/hyamamoto/fd435505d29ebfa3d9716fd2be8d42f0,
	* derived from Java's string hashcode implementation
	* @param {string} string
	* @param {number} hash
	* @returns {number}
	*/
	function stringHash(string, hash) {
		let char = 0;
		while (char < string.length) hash = (hash << 5) - hash + string.charCodeAt(char++) | 0;
		return hash;
	}
	/**
	* @param {Element} elt
	* @returns {number}
	*/
	function attributeHash(elt) {
		let hash = 0;
		for (let i = 0; i < elt.attributes.length; i++) {
			const attribute = elt.attributes[i];
			if (attribute.value) {
				hash = stringHash(attribute.name, hash);
				hash = stringHash(attribute.value, hash);
			}
		}
		return hash;
	}
	/**
	* @param {EventTarget} elt
	*/
	function deInitOnHandlers(elt) {
		const internalData = getInternalData(elt);
		if (internalData.onHandlers) {
			for (let i = 0; i < internalData.onHandlers.length; i++) {
				const handlerInfo = internalData.onHandlers[i];
				removeEventListenerImpl(elt, handlerInfo.event, handlerInfo.listener);
			}
			delete internalData.onHandlers;
		}
	}
	/**
	* @param {Node} element
	*/
	function deInitNode(element) {
		const internalData = getInternalData(element);
		if (internalData.timeout) clearTimeout(internalData.timeout);
		if (internalData.listenerInfos) forEach(internalData.listenerInfos, function(info) {
			if (info.on) removeEventListenerImpl(info.on, info.trigger, info.listener);
		});
		deInitOnHandlers(element);
		forEach(Object.keys(internalData), function(key) {
			if (key !== "firstInitCompleted") delete internalData[key];
		});
	}
	/**
	* @param {Node} element
	*/
	function cleanUpElement(element) {
		triggerEvent(element, "htmx:beforeCleanupElement");
		deInitNode(element);
		forEach(element.children, function(child) {
			cleanUpElement(child);
		});
	}
	/**
	* @param {Element} target
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function swapOuterHTML(target, fragment, settleInfo) {
		if (target.tagName === "BODY") return swapInnerHTML(target, fragment, settleInfo);
		/** @type {Node} */
		let newElt;
		const eltBeforeNewContent = target.previousSibling;
		const parentNode = parentElt(target);
		if (!parentNode) return;
		insertNodesBefore(parentNode, target, fragment, settleInfo);
		if (eltBeforeNewContent == null) newElt = parentNode.firstChild;
		else newElt = eltBeforeNewContent.nextSibling;
		settleInfo.elts = settleInfo.elts.filter(function(e) {
			return e !== target;
		});
		while (newElt && newElt !== target) {
			if (newElt instanceof Element) settleInfo.elts.push(newElt);
			newElt = newElt.nextSibling;
		}
		cleanUpElement(target);
		target.remove();
	}
	/**
	* @param {Element} target
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function swapAfterBegin(target, fragment, settleInfo) {
		return insertNodesBefore(target, target.firstChild, fragment, settleInfo);
	}
	/**
	* @param {Element} target
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function swapBeforeBegin(target, fragment, settleInfo) {
		return insertNodesBefore(parentElt(target), target, fragment, settleInfo);
	}
	/**
	* @param {Element} target
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function swapBeforeEnd(target, fragment, settleInfo) {
		return insertNodesBefore(target, null, fragment, settleInfo);
	}
	/**
	* @param {Element} target
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function swapAfterEnd(target, fragment, settleInfo) {
		return insertNodesBefore(parentElt(target), target.nextSibling, fragment, settleInfo);
	}
	/**
	* @param {Element} target
	*/
	function swapDelete(target) {
		cleanUpElement(target);
		const parent = parentElt(target);
		if (parent) return parent.removeChild(target);
	}
	/**
	* @param {Element} target
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function swapInnerHTML(target, fragment, settleInfo) {
		const firstChild = target.firstChild;
		insertNodesBefore(target, firstChild, fragment, settleInfo);
		if (firstChild) {
			while (firstChild.nextSibling) {
				cleanUpElement(firstChild.nextSibling);
				target.removeChild(firstChild.nextSibling);
			}
			cleanUpElement(firstChild);
			target.removeChild(firstChild);
		}
	}
	/**
	* @param {HtmxSwapStyle} swapStyle
	* @param {Element} elt
	* @param {Element} target
	* @param {ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	*/
	function swapWithStyle(swapStyle, elt, target, fragment, settleInfo) {
		switch (swapStyle) {
			case "none": return;
			case "outerHTML":
				swapOuterHTML(target, fragment, settleInfo);
				return;
			case "afterbegin":
				swapAfterBegin(target, fragment, settleInfo);
				return;
			case "beforebegin":
				swapBeforeBegin(target, fragment, settleInfo);
				return;
			case "beforeend":
				swapBeforeEnd(target, fragment, settleInfo);
				return;
			case "afterend":
				swapAfterEnd(target, fragment, settleInfo);
				return;
			case "delete":
				swapDelete(target);
				return;
			default:
				var extensions = getExtensions(elt);
				for (let i = 0; i < extensions.length; i++) {
					const ext = extensions[i];
					try {
						const newElements = ext.handleSwap(swapStyle, target, fragment, settleInfo);
						if (newElements) {
							if (Array.isArray(newElements)) for (let j = 0; j < newElements.length; j++) {
								const child = newElements[j];
								if (child.nodeType !== Node.TEXT_NODE && child.nodeType !== Node.COMMENT_NODE) settleInfo.tasks.push(makeAjaxLoadTask(child));
							}
							return;
						}
					} catch (e) {
						logError(e);
					}
				}
				if (swapStyle === "innerHTML") swapInnerHTML(target, fragment, settleInfo);
				else swapWithStyle(htmx.config.defaultSwapStyle, elt, target, fragment, settleInfo);
		}
	}
	/**
	* @param {DocumentFragment|ParentNode} fragment
	* @param {HtmxSettleInfo} settleInfo
	* @param {Element} sourceElement
	* @returns {boolean}
	*/
	function findAndSwapPartials(fragment, settleInfo, sourceElement) {
		var hxTemplates = findAll(fragment, "template[hx]");
		forEach(hxTemplates, function(template) {
			var type = getRawAttribute(template, "type");
			if (type === "partial") {
				var targetSelector = getAttributeValue(template, "hx-target") || (template.id ? "#" + CSS.escape(template.id) : null);
				if (targetSelector) {
					var swapSpec = getSwapSpecification(template, getAttributeValue(template, "hx-swap"));
					var targets = querySelectorAllExt(sourceElement || getDocument().body, targetSelector, false);
					if (targets.length === 0) triggerErrorEvent(getDocument().body, "htmx:partialErrorNoTarget", {
						template,
						targetSelector,
						sourceElement
					});
					forEach(targets, function(target) {
						target = asElement(target);
						if (target) {
							var fragment = template.content.cloneNode(true);
							normalizeScriptTags(fragment);
							var beforeSwapDetails = {
								shouldSwap: true,
								target,
								fragment
							};
							if (!triggerEvent(target, "htmx:partialBeforeSwap", beforeSwapDetails)) return;
							target = beforeSwapDetails.target;
							if (beforeSwapDetails.shouldSwap) swap(target, beforeSwapDetails.fragment, swapSpec, {
								contextElement: target,
								afterSwapCallback: function() {
									forEach(settleInfo.elts, function(elt) {
										triggerEvent(elt, "htmx:partialAfterSwap", beforeSwapDetails);
									});
								}
							});
						}
					});
				}
			} else triggerEvent(getDocument().body, "htmx:processTemplate", {
				type,
				template,
				settleInfo,
				sourceElement
			});
			template.parentNode.removeChild(template);
		});
		return hxTemplates.length > 0;
	}
	/**
	* @param {DocumentFragment} fragment
	* @param {HtmxSettleInfo} settleInfo
	* @param {Node|Document} [rootNode]
	*/
	function findAndSwapOobElements(fragment, settleInfo, rootNode) {
		var oobElts = findAll(fragment, "[hx-swap-oob], [data-hx-swap-oob]");
		forEach(oobElts, function(oobElement) {
			if (htmx.config.allowNestedOobSwaps || oobElement.parentElement === null) {
				const oobValue = getAttributeValue(oobElement, "hx-swap-oob");
				if (oobValue != null) oobSwap(oobValue, oobElement, settleInfo, rootNode);
			} else {
				oobElement.removeAttribute("hx-swap-oob");
				oobElement.removeAttribute("data-hx-swap-oob");
			}
		});
		return oobElts.length > 0;
	}
	/**
	* Implements complete swapping pipeline, including: delay, view transitions, focus and selection preservation,
	* title updates, scroll, OOB swapping, normal swapping and settling
	* @param {string|Element} target
	* @param {string} content
	* @param {HtmxSwapSpecification} swapSpec
	* @param {SwapOptions} [swapOptions]
	*/
	function swap(target, content, swapSpec, swapOptions) {
		if (!swapOptions) swapOptions = {};
		let settleResolve = null;
		let settleReject = null;
		let doSwap = function() {
			maybeCall(swapOptions.beforeSwapCallback);
			target = resolveTarget(target);
			const rootNode = swapOptions.contextElement && swapOptions.contextElement.isConnected ? getRootNode(swapOptions.contextElement, false) : getDocument();
			const activeElt = document.activeElement;
			let selectionInfo = {};
			selectionInfo = {
				elt: activeElt,
				start: activeElt ? activeElt.selectionStart : null,
				end: activeElt ? activeElt.selectionEnd : null
			};
			const settleInfo = makeSettleInfo(target);
			if (swapSpec.swapStyle === "textContent") target.textContent = content;
			else {
				let fragment = typeof content === "string" ? makeFragment(content) : content;
				settleInfo.title = swapOptions.title || fragment.title;
				if (swapOptions.historyRequest) fragment = fragment.querySelector("[hx-history-elt],[data-hx-history-elt]") || fragment;
				if (swapOptions.selectOOB) {
					const oobSelectValues = swapOptions.selectOOB.split(",");
					for (let i = 0; i < oobSelectValues.length; i++) {
						const oobSelectValue = oobSelectValues[i].split(":", 2);
						let id = oobSelectValue[0].trim();
						if (id.indexOf("#") === 0) id = id.substring(1);
						const oobValue = oobSelectValue[1] || "true";
						const oobElement = fragment.querySelector("#" + id);
						if (oobElement) oobSwap(oobValue, oobElement, settleInfo, rootNode);
					}
				}
				findAndSwapOobElements(fragment, settleInfo, rootNode);
				forEach(
					findAll(fragment, "template"),
					/** @param {HTMLTemplateElement} template */
					function(template) {
						if (template.content && findAndSwapOobElements(template.content, settleInfo, rootNode)) template.remove();
					}
				);
				var hasPartials = findAndSwapPartials(fragment, settleInfo, swapOptions.contextElement || asElement(target));
				if (swapOptions.select) {
					const newFragment = getDocument().createDocumentFragment();
					forEach(fragment.querySelectorAll(swapOptions.select), function(node) {
						newFragment.appendChild(node);
					});
					fragment = newFragment;
				}
				handlePreservedElements(fragment);
				if (hasPartials && !fragment.childElementCount && !fragment.textContent.trim()) settleInfo.elts = [asElement(target)];
				else swapWithStyle(swapSpec.swapStyle, swapOptions.contextElement, target, fragment, settleInfo);
				restorePreservedElements();
			}
			if (selectionInfo.elt && !bodyContains(selectionInfo.elt) && getRawAttribute(selectionInfo.elt, "id")) {
				const newActiveElt = document.getElementById(getRawAttribute(selectionInfo.elt, "id"));
				const focusOptions = { preventScroll: swapSpec.focusScroll !== void 0 ? !swapSpec.focusScroll : !htmx.config.defaultFocusScroll };
				if (newActiveElt) {
					if (selectionInfo.start && newActiveElt.setSelectionRange) try {
						newActiveElt.setSelectionRange(selectionInfo.start, selectionInfo.end);
					} catch (e) {}
					newActiveElt.focus(focusOptions);
				}
			}
			removeClassFromElement(target, htmx.config.swappingClass);
			forEach(settleInfo.elts, function(elt) {
				if (elt.classList) addClassToElement(elt, htmx.config.settlingClass);
				triggerEvent(elt, "htmx:afterSwap", swapOptions.eventInfo);
			});
			maybeCall(swapOptions.afterSwapCallback);
			if (!swapSpec.ignoreTitle) handleTitle(settleInfo.title);
			const doSettle = function() {
				forEach(settleInfo.tasks, function(task) {
					task.call();
				});
				forEach(settleInfo.elts, function(elt) {
					if (elt.classList) removeClassFromElement(elt, htmx.config.settlingClass);
					triggerEvent(elt, "htmx:afterSettle", swapOptions.eventInfo);
				});
				if (swapOptions.anchor) {
					const anchorTarget = asElement(resolveTarget("#" + swapOptions.anchor));
					if (anchorTarget) anchorTarget.scrollIntoView({
						block: "start",
						behavior: "auto"
					});
				}
				updateScrollState(settleInfo.elts, swapSpec);
				maybeCall(swapOptions.afterSettleCallback);
				maybeCall(settleResolve);
			};
			if (swapSpec.settleDelay > 0) getWindow().setTimeout(doSettle, swapSpec.settleDelay);
			else doSettle();
		};
		let shouldTransition = htmx.config.globalViewTransitions;
		if (swapSpec.hasOwnProperty("transition")) shouldTransition = swapSpec.transition;
		const elt = swapOptions.contextElement || getDocument();
		if (shouldTransition && triggerEvent(elt, "htmx:beforeTransition", swapOptions.eventInfo) && typeof Promise !== "undefined" && document.startViewTransition) {
			const settlePromise = new Promise(function(_resolve, _reject) {
				settleResolve = _resolve;
				settleReject = _reject;
			});
			const innerDoSwap = doSwap;
			doSwap = function() {
				document.startViewTransition(function() {
					innerDoSwap();
					return settlePromise;
				});
			};
		}
		try {
			if (swapSpec?.swapDelay && swapSpec.swapDelay > 0) getWindow().setTimeout(doSwap, swapSpec.swapDelay);
			else doSwap();
		} catch (e) {
			triggerErrorEvent(elt, "htmx:swapError", swapOptions.eventInfo);
			maybeCall(settleReject);
			throw e;
		}
	}
	/**
	* @param {XMLHttpRequest} xhr
	* @param {string} header
	* @param {EventTarget} elt
	*/
	function handleTriggerHeader(xhr, header, elt) {
		const triggerBody = xhr.getResponseHeader(header);
		if (triggerBody.indexOf("{") === 0) {
			const triggers = parseJSON(triggerBody) || {};
			for (const eventName of Object.keys(triggers)) {
				let detail = triggers[eventName];
				if (isRawObject(detail)) elt = detail.target !== void 0 ? detail.target : elt;
				else detail = { value: detail };
				triggerEvent(elt, eventName, detail);
			}
		} else {
			const eventNames = triggerBody.split(",");
			for (let i = 0; i < eventNames.length; i++) triggerEvent(elt, eventNames[i].trim(), []);
		}
	}
	const WHITESPACE = /\s/;
	const WHITESPACE_OR_COMMA = /[\s,]/;
	const SYMBOL_START = /[_$a-zA-Z]/;
	const SYMBOL_CONT = /[_$a-zA-Z0-9]/;
	const STRINGISH_START = [
		"\"",
		"'",
		"/"
	];
	const NOT_WHITESPACE = /[^\s]/;
	const COMBINED_SELECTOR_START = /[{(]/;
	const COMBINED_SELECTOR_END = /[})]/;
	/**
	* @param {string} str
	* @returns {string[]}
	*/
	function tokenizeString(str) {
		/** @type string[] */
		const tokens = [];
		let position = 0;
		while (position < str.length) {
			if (SYMBOL_START.exec(str.charAt(position))) {
				var startPosition = position;
				while (SYMBOL_CONT.exec(str.charAt(position + 1))) position++;
				tokens.push(str.substring(startPosition, position + 1));
			} else if (STRINGISH_START.indexOf(str.charAt(position)) !== -1) {
				const startChar = str.charAt(position);
				var startPosition = position;
				position++;
				while (position < str.length && str.charAt(position) !== startChar) {
					if (str.charAt(position) === "\\") position++;
					position++;
				}
				tokens.push(str.substring(startPosition, position + 1));
			} else {
				const symbol = str.charAt(position);
				tokens.push(symbol);
			}
			position++;
		}
		return tokens;
	}
	/**
	* @param {string} token
	* @param {string|null} last
	* @param {string} paramName
	* @returns {boolean}
	*/
	function isPossibleRelativeReference(token, last, paramName) {
		return SYMBOL_START.exec(token.charAt(0)) && token !== "true" && token !== "false" && token !== "this" && token !== paramName && last !== ".";
	}
	/**
	* @param {EventTarget|string} elt
	* @param {string[]} tokens
	* @param {string} paramName
	* @returns {ConditionalFunction|null}
	*/
	function maybeGenerateConditional(elt, tokens, paramName) {
		if (tokens[0] === "[") {
			tokens.shift();
			let bracketCount = 1;
			let conditionalSource = " return (function(" + paramName + "){ return (";
			let last = null;
			while (tokens.length > 0) {
				const token = tokens[0];
				if (token === "]") {
					bracketCount--;
					if (bracketCount === 0) {
						if (last === null) conditionalSource = conditionalSource + "true";
						tokens.shift();
						conditionalSource += ")})";
						try {
							const conditionFunction = maybeEval(elt, function() {
								return Function(conditionalSource)();
							}, function() {
								return true;
							});
							conditionFunction.source = conditionalSource;
							return conditionFunction;
						} catch (e) {
							triggerErrorEvent(getDocument().body, "htmx:syntax:error", {
								error: e,
								source: conditionalSource
							});
							return null;
						}
					}
				} else if (token === "[") bracketCount++;
				if (isPossibleRelativeReference(token, last, paramName)) conditionalSource += "((" + paramName + "." + token + ") ? (" + paramName + "." + token + ") : (window." + token + "))";
				else conditionalSource = conditionalSource + token;
				last = tokens.shift();
			}
		}
	}
	/**
	* @param {string[]} tokens
	* @param {RegExp} match
	* @returns {string}
	*/
	function consumeUntil(tokens, match) {
		let result = "";
		while (tokens.length > 0 && !match.test(tokens[0])) result += tokens.shift();
		return result;
	}
	/**
	* @param {string[]} tokens
	* @returns {string}
	*/
	function consumeCSSSelector(tokens) {
		let result;
		if (tokens.length > 0 && COMBINED_SELECTOR_START.test(tokens[0])) {
			tokens.shift();
			result = consumeUntil(tokens, COMBINED_SELECTOR_END).trim();
			tokens.shift();
		} else result = consumeUntil(tokens, WHITESPACE_OR_COMMA);
		return result;
	}
	const INPUT_SELECTOR = "input, textarea, select";
	/**
	* @param {Element} elt
	* @param {string} explicitTrigger
	* @param {Object} cache for trigger specs
	* @returns {HtmxTriggerSpecification[]}
	*/
	function parseAndCacheTrigger(elt, explicitTrigger, cache) {
		/** @type HtmxTriggerSpecification[] */
		const triggerSpecs = [];
		const tokens = tokenizeString(explicitTrigger);
		do {
			consumeUntil(tokens, NOT_WHITESPACE);
			const initialLength = tokens.length;
			const trigger = consumeUntil(tokens, /[,\[\s]/);
			if (trigger !== "") {
				if (trigger === "every") {
					/** @type HtmxTriggerSpecification */
					const every = { trigger: "every" };
					consumeUntil(tokens, NOT_WHITESPACE);
					every.pollInterval = parseInterval(consumeUntil(tokens, /[,\[\s]/));
					consumeUntil(tokens, NOT_WHITESPACE);
					var eventFilter = maybeGenerateConditional(elt, tokens, "event");
					if (eventFilter) every.eventFilter = eventFilter;
					triggerSpecs.push(every);
				} else {
					/** @type HtmxTriggerSpecification */
					const triggerSpec = { trigger };
					var eventFilter = maybeGenerateConditional(elt, tokens, "event");
					if (eventFilter) triggerSpec.eventFilter = eventFilter;
					consumeUntil(tokens, NOT_WHITESPACE);
					while (tokens.length > 0 && tokens[0] !== ",") {
						const token = tokens.shift();
						if (token === "changed") triggerSpec.changed = true;
						else if (token === "once") triggerSpec.once = true;
						else if (token === "consume") triggerSpec.consume = true;
						else if (token === "delay" && tokens[0] === ":") {
							tokens.shift();
							triggerSpec.delay = parseInterval(consumeUntil(tokens, WHITESPACE_OR_COMMA));
						} else if (token === "from" && tokens[0] === ":") {
							tokens.shift();
							if (COMBINED_SELECTOR_START.test(tokens[0])) var from_arg = consumeCSSSelector(tokens);
							else {
								var from_arg = consumeUntil(tokens, WHITESPACE_OR_COMMA);
								if (from_arg === "closest" || from_arg === "find" || from_arg === "next" || from_arg === "previous") {
									tokens.shift();
									const selector = consumeCSSSelector(tokens);
									if (selector.length > 0) from_arg += " " + selector;
								}
							}
							triggerSpec.from = from_arg;
						} else if (token === "target" && tokens[0] === ":") {
							tokens.shift();
							triggerSpec.target = consumeCSSSelector(tokens);
						} else if (token === "throttle" && tokens[0] === ":") {
							tokens.shift();
							triggerSpec.throttle = parseInterval(consumeUntil(tokens, WHITESPACE_OR_COMMA));
						} else if (token === "queue" && tokens[0] === ":") {
							tokens.shift();
							triggerSpec.queue = consumeUntil(tokens, WHITESPACE_OR_COMMA);
						} else if (token === "root" && tokens[0] === ":") {
							tokens.shift();
							triggerSpec[token] = consumeCSSSelector(tokens);
						} else if (token === "threshold" && tokens[0] === ":") {
							tokens.shift();
							triggerSpec[token] = consumeUntil(tokens, WHITESPACE_OR_COMMA);
						} else triggerErrorEvent(elt, "htmx:syntax:error", { token: tokens.shift() });
						consumeUntil(tokens, NOT_WHITESPACE);
					}
					triggerSpecs.push(triggerSpec);
				}
			}
			if (tokens.length === initialLength) triggerErrorEvent(elt, "htmx:syntax:error", { token: tokens.shift() });
			consumeUntil(tokens, NOT_WHITESPACE);
		} while (tokens[0] === "," && tokens.shift());
		if (cache) cache[explicitTrigger] = triggerSpecs;
		return triggerSpecs;
	}
	/**
	* @param {Element} elt
	* @returns {HtmxTriggerSpecification[]}
	*/
	function getTriggerSpecs(elt) {
		const explicitTrigger = getAttributeValue(elt, "hx-trigger");
		let triggerSpecs = [];
		if (explicitTrigger) {
			const cache = htmx.config.triggerSpecsCache;
			triggerSpecs = cache && cache[explicitTrigger] || parseAndCacheTrigger(elt, explicitTrigger, cache);
		}
		if (triggerSpecs.length > 0) return triggerSpecs;
		else if (matches(elt, "form")) return [{ trigger: "submit" }];
		else if (matches(elt, "input[type=\"button\"], input[type=\"submit\"]")) return [{ trigger: "click" }];
		else if (matches(elt, INPUT_SELECTOR)) return [{ trigger: "change" }];
		else return [{ trigger: "click" }];
	}
	/**
	* @param {Element} elt
	*/
	function cancelPolling(elt) {
		getInternalData(elt).cancelled = true;
	}
	/**
	* @param {Element} elt
	* @param {TriggerHandler} handler
	* @param {HtmxTriggerSpecification} spec
	*/
	function processPolling(elt, handler, spec) {
		const nodeData = getInternalData(elt);
		nodeData.timeout = getWindow().setTimeout(function() {
			if (bodyContains(elt) && nodeData.cancelled !== true) {
				if (!maybeFilterEvent(spec, elt, makeEvent("hx:poll:trigger", {
					triggerSpec: spec,
					target: elt
				}))) handler(elt);
				processPolling(elt, handler, spec);
			}
		}, spec.pollInterval);
	}
	/**
	* @param {HTMLAnchorElement} elt
	* @returns {boolean}
	*/
	function isLocalLink(elt) {
		return location.hostname === elt.hostname && getRawAttribute(elt, "href") && getRawAttribute(elt, "href").indexOf("#") !== 0;
	}
	/**
	* @param {Element} elt
	*/
	function eltIsDisabled(elt) {
		return closest(elt, htmx.config.disableSelector);
	}
	/**
	* @param {Element} elt
	* @param {HtmxNodeInternalData} nodeData
	* @param {HtmxTriggerSpecification[]} triggerSpecs
	*/
	function boostElement(elt, nodeData, triggerSpecs) {
		if (elt instanceof HTMLAnchorElement && isLocalLink(elt) && (elt.target === "" || elt.target === "_self") || elt.tagName === "FORM" && String(getRawAttribute(elt, "method")).toLowerCase() !== "dialog") {
			nodeData.boosted = true;
			let verb, path;
			if (elt.tagName === "A") {
				verb = "get";
				path = getRawAttribute(elt, "href");
			} else {
				const rawAttribute = getRawAttribute(elt, "method");
				verb = rawAttribute ? rawAttribute.toLowerCase() : "get";
				path = getRawAttribute(elt, "action");
				if (path == null || path === "") path = location.href;
				if (verb === "get" && path.includes("?")) path = path.replace(/\?[^#]+/, "");
			}
			triggerSpecs.forEach(function(triggerSpec) {
				addEventListener(elt, function(node, evt) {
					const elt = asElement(node);
					if (eltIsDisabled(elt)) {
						cleanUpElement(elt);
						return;
					}
					issueAjaxRequest(verb, path, elt, evt);
				}, nodeData, triggerSpec, true);
			});
		}
	}
	/**
	* @param {Event} evt
	* @param {Element} elt
	* @returns {boolean}
	*/
	function shouldCancel(evt, elt) {
		if (evt.type === "submit" && elt.tagName === "FORM") return true;
		else if (evt.type === "click") {
			const btn = elt.closest("input[type=\"submit\"], button");
			if (btn && btn.form && btn.type === "submit") return true;
			const link = elt.closest("a");
			if (link && link.href && !/^#.+/.test(link.getAttribute("href"))) return true;
		}
		return false;
	}
	/**
	* @param {Node} elt
	* @param {Event|MouseEvent|KeyboardEvent|TouchEvent} evt
	* @returns {boolean}
	*/
	function ignoreBoostedAnchorCtrlClick(elt, evt) {
		return getInternalData(elt).boosted && elt instanceof HTMLAnchorElement && evt.type === "click" && (evt.ctrlKey || evt.metaKey);
	}
	/**
	* @param {HtmxTriggerSpecification} triggerSpec
	* @param {Node} elt
	* @param {Event} evt
	* @returns {boolean}
	*/
	function maybeFilterEvent(triggerSpec, elt, evt) {
		const eventFilter = triggerSpec.eventFilter;
		if (eventFilter) try {
			return eventFilter.call(elt, evt) !== true;
		} catch (e) {
			const source = eventFilter.source;
			triggerErrorEvent(getDocument().body, "htmx:eventFilter:error", {
				error: e,
				source
			});
			return true;
		}
		return false;
	}
	/**
	* @param {Element} elt
	* @param {TriggerHandler} handler
	* @param {HtmxNodeInternalData} nodeData
	* @param {HtmxTriggerSpecification} triggerSpec
	* @param {boolean} [explicitCancel]
	*/
	function addEventListener(elt, handler, nodeData, triggerSpec, explicitCancel) {
		const elementData = getInternalData(elt);
		/** @type {(Node|Window)[]} */
		let eltsToListenOn;
		if (triggerSpec.from) eltsToListenOn = querySelectorAllExt(elt, triggerSpec.from);
		else eltsToListenOn = [elt];
		if (triggerSpec.changed) {
			if (!("lastValue" in elementData)) elementData.lastValue = /* @__PURE__ */ new WeakMap();
			eltsToListenOn.forEach(function(eltToListenOn) {
				if (!elementData.lastValue.has(triggerSpec)) elementData.lastValue.set(triggerSpec, /* @__PURE__ */ new WeakMap());
				elementData.lastValue.get(triggerSpec).set(eltToListenOn, eltToListenOn.value);
			});
		}
		forEach(eltsToListenOn, function(eltToListenOn) {
			/** @type EventListener */
			const eventListener = function(evt) {
				if (!bodyContains(elt)) {
					eltToListenOn.removeEventListener(triggerSpec.trigger, eventListener);
					return;
				}
				if (ignoreBoostedAnchorCtrlClick(elt, evt)) return;
				if (explicitCancel || shouldCancel(evt, eltToListenOn)) evt.preventDefault();
				if (maybeFilterEvent(triggerSpec, elt, evt)) return;
				const eventData = getInternalData(evt);
				eventData.triggerSpec = triggerSpec;
				if (eventData.handledFor == null) eventData.handledFor = [];
				if (eventData.handledFor.indexOf(elt) < 0) {
					eventData.handledFor.push(elt);
					if (triggerSpec.consume) evt.stopPropagation();
					if (triggerSpec.target && evt.target) {
						if (!matches(asElement(evt.target), triggerSpec.target)) return;
					}
					if (triggerSpec.once) {
						if (elementData.triggeredOnce) return;
						else elementData.triggeredOnce = true;
					}
					if (triggerSpec.changed) {
						const node = evt.target;
						const value = node.value;
						const lastValue = elementData.lastValue.get(triggerSpec);
						if (lastValue.has(node) && lastValue.get(node) === value) return;
						lastValue.set(node, value);
					}
					if (elementData.delayed) clearTimeout(elementData.delayed);
					if (elementData.throttle) return;
					if (triggerSpec.throttle > 0) {
						if (!elementData.throttle) {
							triggerEvent(elt, "htmx:trigger");
							handler(elt, evt);
							elementData.throttle = getWindow().setTimeout(function() {
								elementData.throttle = null;
							}, triggerSpec.throttle);
						}
					} else if (triggerSpec.delay > 0) elementData.delayed = getWindow().setTimeout(function() {
						triggerEvent(elt, "htmx:trigger");
						handler(elt, evt);
					}, triggerSpec.delay);
					else {
						triggerEvent(elt, "htmx:trigger");
						handler(elt, evt);
					}
				}
			};
			if (nodeData.listenerInfos == null) nodeData.listenerInfos = [];
			nodeData.listenerInfos.push({
				trigger: triggerSpec.trigger,
				listener: eventListener,
				on: eltToListenOn
			});
			eltToListenOn.addEventListener(triggerSpec.trigger, eventListener);
		});
	}
	let windowIsScrolling = false;
	let scrollHandler = null;
	function initScrollHandler() {
		if (!scrollHandler) {
			scrollHandler = function() {
				windowIsScrolling = true;
			};
			window.addEventListener("scroll", scrollHandler);
			window.addEventListener("resize", scrollHandler);
			setInterval(function() {
				if (windowIsScrolling) {
					windowIsScrolling = false;
					forEach(getDocument().querySelectorAll("[hx-trigger*='revealed'],[data-hx-trigger*='revealed']"), function(elt) {
						maybeReveal(elt);
					});
				}
			}, 200);
		}
	}
	/**
	* @param {Element} elt
	*/
	function maybeReveal(elt) {
		if (!hasAttribute(elt, "data-hx-revealed") && isScrolledIntoView(elt)) {
			elt.setAttribute("data-hx-revealed", "true");
			if (getInternalData(elt).initHash) triggerEvent(elt, "revealed");
			else elt.addEventListener("htmx:afterProcessNode", function() {
				triggerEvent(elt, "revealed");
			}, { once: true });
		}
	}
	/**
	* @param {Element} elt
	* @param {TriggerHandler} handler
	* @param {HtmxNodeInternalData} nodeData
	* @param {number} delay
	*/
	function loadImmediately(elt, handler, nodeData, delay) {
		const load = function() {
			if (!nodeData.loaded) {
				nodeData.loaded = true;
				triggerEvent(elt, "htmx:trigger");
				handler(elt);
			}
		};
		if (delay > 0) getWindow().setTimeout(load, delay);
		else load();
	}
	/**
	* @param {Element} elt
	* @param {HtmxNodeInternalData} nodeData
	* @param {HtmxTriggerSpecification[]} triggerSpecs
	* @returns {boolean}
	*/
	function processVerbs(elt, nodeData, triggerSpecs) {
		let explicitAction = false;
		forEach(VERBS, function(verb) {
			if (hasAttribute(elt, "hx-" + verb)) {
				const path = getAttributeValue(elt, "hx-" + verb);
				explicitAction = true;
				nodeData.path = path;
				nodeData.verb = verb;
				triggerSpecs.forEach(function(triggerSpec) {
					addTriggerHandler(elt, triggerSpec, nodeData, function(node, evt) {
						const elt = asElement(node);
						if (eltIsDisabled(elt)) {
							cleanUpElement(elt);
							return;
						}
						issueAjaxRequest(verb, path, elt, evt);
					});
				});
			}
		});
		return explicitAction;
	}
	/**
	* @callback TriggerHandler
	* @param {Element} elt
	* @param {Event} [evt]
	*/
	/**
	* @param {Element} elt
	* @param {HtmxTriggerSpecification} triggerSpec
	* @param {HtmxNodeInternalData} nodeData
	* @param {TriggerHandler} handler
	*/
	function addTriggerHandler(elt, triggerSpec, nodeData, handler) {
		if (triggerSpec.trigger === "revealed") {
			initScrollHandler();
			addEventListener(elt, handler, nodeData, triggerSpec);
			maybeReveal(asElement(elt));
		} else if (triggerSpec.trigger === "intersect") {
			const observerOptions = {};
			if (triggerSpec.root) observerOptions.root = querySelectorExt(elt, triggerSpec.root);
			if (triggerSpec.threshold) observerOptions.threshold = parseFloat(triggerSpec.threshold);
			new IntersectionObserver(function(entries) {
				for (let i = 0; i < entries.length; i++) if (entries[i].isIntersecting) {
					triggerEvent(elt, "intersect");
					break;
				}
			}, observerOptions).observe(asElement(elt));
			addEventListener(asElement(elt), handler, nodeData, triggerSpec);
		} else if (!nodeData.firstInitCompleted && triggerSpec.trigger === "load") {
			if (!maybeFilterEvent(triggerSpec, elt, makeEvent("load", { elt }))) loadImmediately(asElement(elt), handler, nodeData, triggerSpec.delay);
		} else if (triggerSpec.pollInterval > 0) {
			nodeData.polling = true;
			processPolling(asElement(elt), handler, triggerSpec);
		} else addEventListener(elt, handler, nodeData, triggerSpec);
	}
	/**
	* @param {Node} node
	* @returns {boolean}
	*/
	function shouldProcessHxOn(node) {
		const elt = asElement(node);
		if (!elt) return false;
		const attributes = elt.attributes;
		for (let j = 0; j < attributes.length; j++) {
			const attrName = attributes[j].name;
			if (startsWith(attrName, "hx-on:") || startsWith(attrName, "data-hx-on:") || startsWith(attrName, "hx-on-") || startsWith(attrName, "data-hx-on-")) return true;
		}
		return false;
	}
	/**
	* @param {Node} elt
	* @returns {Element[]}
	*/
	const HX_ON_QUERY = new XPathEvaluator().createExpression(".//*[@*[ starts-with(name(), \"hx-on:\") or starts-with(name(), \"data-hx-on:\") or starts-with(name(), \"hx-on-\") or starts-with(name(), \"data-hx-on-\") ]]");
	function processHXOnRoot(elt, elements) {
		if (shouldProcessHxOn(elt)) elements.push(asElement(elt));
		const iter = HX_ON_QUERY.evaluate(elt);
		let node = null;
		while (node = iter.iterateNext()) elements.push(asElement(node));
	}
	function findHxOnWildcardElements(elt) {
		/** @type {Element[]} */
		const elements = [];
		if (elt instanceof DocumentFragment) for (const child of elt.childNodes) processHXOnRoot(child, elements);
		else processHXOnRoot(elt, elements);
		return elements;
	}
	/**
	* @param {Element} elt
	* @returns {NodeListOf<Element>|[]}
	*/
	function findElementsToProcess(elt) {
		if (elt.querySelectorAll) {
			const boostedSelector = ", [hx-boost] a, [data-hx-boost] a, a[hx-boost], a[data-hx-boost]";
			const extensionSelectors = [];
			for (const e of Object.keys(extensions)) {
				const extension = extensions[e];
				if (extension.getSelectors) {
					var selectors = extension.getSelectors();
					if (selectors) extensionSelectors.push(selectors);
				}
			}
			return elt.querySelectorAll(VERB_SELECTOR + ", [hx-boost] a, [data-hx-boost] a, a[hx-boost], a[data-hx-boost], form, [type='submit'], [hx-ext], [data-hx-ext], [hx-trigger], [data-hx-trigger]" + extensionSelectors.flat().map((s) => ", " + s).join(""));
		} else return [];
	}
	/**
	* Handle submit buttons/inputs that have the form attribute set
	* see https://developer.mozilla.org/docs/Web/HTML/Element/button
	* @param {Event} evt
	*/
	function maybeSetLastButtonClicked(evt) {
		const elt = getTargetButton(evt.target);
		const internalData = getRelatedFormData(evt);
		if (internalData) internalData.lastButtonClicked = elt;
	}
	/**
	* @param {Event} evt
	*/
	function maybeUnsetLastButtonClicked(evt) {
		const internalData = getRelatedFormData(evt);
		if (internalData) internalData.lastButtonClicked = null;
	}
	/**
	* @param {EventTarget} target
	* @returns {HTMLButtonElement|HTMLInputElement|null}
	*/
	function getTargetButton(target) {
		return closest(asElement(target), "button, input[type='submit']");
	}
	/**
	* @param {Element} elt
	* @returns {HTMLFormElement|null}
	*/
	function getRelatedForm(elt) {
		return elt.form || closest(elt, "form");
	}
	/**
	* @param {Event} evt
	* @returns {HtmxNodeInternalData|undefined}
	*/
	function getRelatedFormData(evt) {
		const elt = getTargetButton(evt.target);
		if (!elt) return;
		const form = getRelatedForm(elt);
		if (!form) return;
		return getInternalData(form);
	}
	/**
	* @param {EventTarget} elt
	*/
	function initButtonTracking(elt) {
		elt.addEventListener("click", maybeSetLastButtonClicked);
		elt.addEventListener("focusin", maybeSetLastButtonClicked);
		elt.addEventListener("focusout", maybeUnsetLastButtonClicked);
	}
	/**
	* @param {Element} elt
	* @param {string} eventName
	* @param {string} code
	*/
	function addHxOnEventHandler(elt, eventName, code) {
		const nodeData = getInternalData(elt);
		if (!Array.isArray(nodeData.onHandlers)) nodeData.onHandlers = [];
		let func;
		/** @type EventListener */
		const listener = function(e) {
			maybeEval(elt, function() {
				if (eltIsDisabled(elt)) return;
				if (!func) func = new Function("event", code);
				func.call(elt, e);
			});
		};
		elt.addEventListener(eventName, listener);
		nodeData.onHandlers.push({
			event: eventName,
			listener
		});
	}
	/**
	* @param {Element} elt
	*/
	function processHxOnWildcard(elt) {
		deInitOnHandlers(elt);
		for (let i = 0; i < elt.attributes.length; i++) {
			const name = elt.attributes[i].name;
			const value = elt.attributes[i].value;
			if (startsWith(name, "hx-on") || startsWith(name, "data-hx-on")) {
				const afterOnPosition = name.indexOf("-on") + 3;
				const nextChar = name.slice(afterOnPosition, afterOnPosition + 1);
				if (nextChar === "-" || nextChar === ":") {
					let eventName = name.slice(afterOnPosition + 1);
					if (startsWith(eventName, ":")) eventName = "htmx" + eventName;
					else if (startsWith(eventName, "-")) eventName = "htmx:" + eventName.slice(1);
					else if (startsWith(eventName, "htmx-")) eventName = "htmx:" + eventName.slice(5);
					addHxOnEventHandler(elt, eventName, value);
				}
			}
		}
	}
	/**
	* @param {Element|HTMLInputElement} elt
	*/
	function initNode(elt) {
		triggerEvent(elt, "htmx:beforeProcessNode");
		const nodeData = getInternalData(elt);
		const triggerSpecs = getTriggerSpecs(elt);
		if (!processVerbs(elt, nodeData, triggerSpecs)) {
			if (getClosestAttributeValue(elt, "hx-boost") === "true") boostElement(elt, nodeData, triggerSpecs);
			else if (hasAttribute(elt, "hx-trigger")) triggerSpecs.forEach(function(triggerSpec) {
				addTriggerHandler(elt, triggerSpec, nodeData, function() {});
			});
		}
		if (elt.tagName === "FORM" || getRawAttribute(elt, "type") === "submit" && hasAttribute(elt, "form")) initButtonTracking(elt);
		nodeData.firstInitCompleted = true;
		triggerEvent(elt, "htmx:afterProcessNode");
	}
	/**
	* @param {Element} elt
	* @returns {boolean}
	*/
	function maybeDeInitAndHash(elt) {
		if (!(elt instanceof Element)) return false;
		const nodeData = getInternalData(elt);
		const hash = attributeHash(elt);
		if (nodeData.initHash !== hash) {
			deInitNode(elt);
			nodeData.initHash = hash;
			return true;
		}
		return false;
	}
	/**
	* Processes new content, enabling htmx behavior. This can be useful if you have content that is added to the DOM outside of the normal htmx request cycle but still want htmx attributes to work.
	*
	* @see https://htmx.org/api/#process
	*
	* @param {Element|string} elt element to process
	*/
	function processNode(elt) {
		elt = resolveTarget(elt);
		if (eltIsDisabled(elt)) {
			cleanUpElement(elt);
			return;
		}
		const elementsToInit = [];
		if (maybeDeInitAndHash(elt)) elementsToInit.push(elt);
		forEach(findElementsToProcess(elt), function(child) {
			if (eltIsDisabled(child)) {
				cleanUpElement(child);
				return;
			}
			if (maybeDeInitAndHash(child)) elementsToInit.push(child);
		});
		forEach(findHxOnWildcardElements(elt), processHxOnWildcard);
		forEach(elementsToInit, initNode);
	}
	/**
	* @param {string} str
	* @returns {string}
	*/
	function kebabEventName(str) {
		return str.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
	}
	/**
	* @param {string} eventName
	* @param {any} detail
	* @returns {CustomEvent}
	*/
	function makeEvent(eventName, detail) {
		return new CustomEvent(eventName, {
			bubbles: true,
			cancelable: true,
			composed: true,
			detail
		});
	}
	/**
	* @param {EventTarget|string} elt
	* @param {string} eventName
	* @param {any=} detail
	*/
	function triggerErrorEvent(elt, eventName, detail) {
		triggerEvent(elt, eventName, mergeObjects({ error: eventName }, detail));
	}
	/**
	* @param {string} eventName
	* @returns {boolean}
	*/
	function ignoreEventForLogging(eventName) {
		return eventName === "htmx:afterProcessNode";
	}
	/**
	* `withExtensions` locates all active extensions for a provided element, then
	* executes the provided function using each of the active extensions. You can filter
	* the element's extensions by giving it a list of extensions to ignore. It should
	* be called internally at every extendable execution point in htmx.
	*
	* @param {Element} elt
	* @param {(extension:HtmxExtension) => void} toDo
	* @param {string[]=} extensionsToIgnore
	* @returns void
	*/
	function withExtensions(elt, toDo, extensionsToIgnore) {
		forEach(getExtensions(elt, [], extensionsToIgnore), function(extension) {
			try {
				toDo(extension);
			} catch (e) {
				logError(e);
			}
		});
	}
	function logError(msg) {
		console.error(msg);
	}
	/**
	* Triggers a given event on an element
	*
	* @see https://htmx.org/api/#trigger
	*
	* @param {EventTarget|string} elt the element to trigger the event on
	* @param {string} eventName the name of the event to trigger
	* @param {any=} detail details for the event
	* @returns {boolean}
	*/
	function triggerEvent(elt, eventName, detail) {
		elt = resolveTarget(elt);
		if (detail == null) detail = {};
		detail.elt = elt;
		const event = makeEvent(eventName, detail);
		if (htmx.logger && !ignoreEventForLogging(eventName)) htmx.logger(elt, eventName, detail);
		if (detail.error) {
			logError(detail.error + (detail.target ? ", " + detail.target : ""));
			triggerEvent(elt, "htmx:error", { errorInfo: detail });
		}
		let eventResult = elt.dispatchEvent(event);
		const kebabName = kebabEventName(eventName);
		if (eventResult && kebabName !== eventName) {
			const kebabedEvent = makeEvent(kebabName, event.detail);
			eventResult = eventResult && elt.dispatchEvent(kebabedEvent);
		}
		withExtensions(asElement(elt), function(extension) {
			eventResult = eventResult && extension.onEvent(eventName, event) !== false && !event.defaultPrevented;
		});
		return eventResult;
	}
	let currentPathForHistory;
	/**
	* @param {string} path
	*/
	function setCurrentPathForHistory(path) {
		currentPathForHistory = path;
		if (canAccessLocalStorage()) sessionStorage.setItem("htmx-current-path-for-history", path);
	}
	setCurrentPathForHistory(location.pathname + location.search);
	/**
	* @returns {Element}
	*/
	function getHistoryElement() {
		return getDocument().querySelector("[hx-history-elt],[data-hx-history-elt]") || getDocument().body;
	}
	/**
	* @param {string} url
	* @param {Element} rootElt
	*/
	function saveToHistoryCache(url, rootElt) {
		if (!canAccessLocalStorage()) return;
		const innerHTML = cleanInnerHtmlForHistory(rootElt);
		const title = getDocument().title;
		const scroll = window.scrollY;
		if (htmx.config.historyCacheSize <= 0) {
			sessionStorage.removeItem("htmx-history-cache");
			return;
		}
		url = normalizePath(url);
		const historyCache = parseJSON(sessionStorage.getItem("htmx-history-cache")) || [];
		for (let i = 0; i < historyCache.length; i++) if (historyCache[i].url === url) {
			historyCache.splice(i, 1);
			break;
		}
		/** @type HtmxHistoryItem */
		const newHistoryItem = {
			url,
			content: innerHTML,
			title,
			scroll
		};
		triggerEvent(getDocument().body, "htmx:historyItemCreated", {
			item: newHistoryItem,
			cache: historyCache
		});
		historyCache.push(newHistoryItem);
		while (historyCache.length > htmx.config.historyCacheSize) historyCache.shift();
		while (historyCache.length > 0) try {
			sessionStorage.setItem("htmx-history-cache", JSON.stringify(historyCache));
			break;
		} catch (e) {
			triggerErrorEvent(getDocument().body, "htmx:historyCacheError", {
				cause: e,
				cache: historyCache
			});
			historyCache.shift();
		}
	}
	/**
	* @typedef {Object} HtmxHistoryItem
	* @property {string} url
	* @property {string} content
	* @property {string} title
	* @property {number} scroll
	*/
	/**
	* @param {string} url
	* @returns {HtmxHistoryItem|null}
	*/
	function getCachedHistory(url) {
		if (!canAccessLocalStorage()) return null;
		url = normalizePath(url);
		const historyCache = parseJSON(sessionStorage.getItem("htmx-history-cache")) || [];
		for (let i = 0; i < historyCache.length; i++) if (historyCache[i].url === url) return historyCache[i];
		return null;
	}
	/**
	* @param {Element} elt
	* @returns {string}
	*/
	function cleanInnerHtmlForHistory(elt) {
		const className = htmx.config.requestClass;
		const clone = elt.cloneNode(true);
		forEach(findAll(clone, "." + className), function(child) {
			removeClassFromElement(child, className);
		});
		forEach(findAll(clone, "[data-disabled-by-htmx]"), function(child) {
			child.removeAttribute("disabled");
		});
		return clone.innerHTML;
	}
	function saveCurrentPageToHistory() {
		const elt = getHistoryElement();
		let path = currentPathForHistory;
		if (canAccessLocalStorage()) path = sessionStorage.getItem("htmx-current-path-for-history");
		path = path || location.pathname + location.search;
		if (!getDocument().querySelector("[hx-history=\"false\" i],[data-hx-history=\"false\" i]")) {
			triggerEvent(getDocument().body, "htmx:beforeHistorySave", {
				path,
				historyElt: elt
			});
			saveToHistoryCache(path, elt);
		}
		if (htmx.config.historyEnabled) history.replaceState({ htmx: true }, getDocument().title, location.href);
	}
	/**
	* @param {string} path
	*/
	function pushUrlIntoHistory(path) {
		if (htmx.config.getCacheBusterParam) {
			path = path.replace(/org\.htmx\.cache-buster=[^&]*&?/, "");
			if (endsWith(path, "&") || endsWith(path, "?")) path = path.slice(0, -1);
		}
		if (htmx.config.historyEnabled) history.pushState({ htmx: true }, "", path);
		setCurrentPathForHistory(path);
	}
	/**
	* @param {string} path
	*/
	function replaceUrlInHistory(path) {
		if (htmx.config.historyEnabled) history.replaceState({ htmx: true }, "", path);
		setCurrentPathForHistory(path);
	}
	/**
	* @param {HtmxSettleTask[]} tasks
	*/
	function settleImmediately(tasks) {
		forEach(tasks, function(task) {
			task.call(void 0);
		});
	}
	/**
	* @param {string} path
	*/
	function loadHistoryFromServer(path) {
		const request = new XMLHttpRequest();
		const swapSpec = {
			swapStyle: "innerHTML",
			swapDelay: 0,
			settleDelay: 0
		};
		const details = {
			path,
			xhr: request,
			historyElt: getHistoryElement(),
			swapSpec
		};
		request.open("GET", path, true);
		if (htmx.config.historyRestoreAsHxRequest) request.setRequestHeader("HX-Request", "true");
		request.setRequestHeader("HX-History-Restore-Request", "true");
		request.setRequestHeader("HX-Current-URL", location.href);
		request.onload = function() {
			if (this.status >= 200 && this.status < 400) {
				details.response = this.response;
				triggerEvent(getDocument().body, "htmx:historyCacheMissLoad", details);
				swap(details.historyElt, details.response, swapSpec, {
					contextElement: details.historyElt,
					historyRequest: true
				});
				setCurrentPathForHistory(details.path);
				triggerEvent(getDocument().body, "htmx:historyRestore", {
					path,
					cacheMiss: true,
					serverResponse: details.response
				});
			} else triggerErrorEvent(getDocument().body, "htmx:historyCacheMissLoadError", details);
		};
		if (triggerEvent(getDocument().body, "htmx:historyCacheMiss", details)) request.send();
	}
	/**
	* @param {string} [path]
	*/
	function restoreHistory(path) {
		saveCurrentPageToHistory();
		path = path || location.pathname + location.search;
		const cached = getCachedHistory(path);
		if (cached) {
			const swapSpec = {
				swapStyle: "innerHTML",
				swapDelay: 0,
				settleDelay: 0,
				scroll: cached.scroll
			};
			const details = {
				path,
				item: cached,
				historyElt: getHistoryElement(),
				swapSpec
			};
			if (triggerEvent(getDocument().body, "htmx:historyCacheHit", details)) {
				swap(details.historyElt, cached.content, swapSpec, {
					contextElement: details.historyElt,
					title: cached.title
				});
				setCurrentPathForHistory(details.path);
				triggerEvent(getDocument().body, "htmx:historyRestore", details);
			}
		} else if (htmx.config.refreshOnHistoryMiss) htmx.location.reload(true);
		else loadHistoryFromServer(path);
	}
	/**
	* @param {Element} elt
	* @returns {Element[]}
	*/
	function addRequestIndicatorClasses(elt) {
		let indicators = findAttributeTargets(elt, "hx-indicator");
		if (indicators == null) indicators = [elt];
		forEach(indicators, function(ic) {
			const internalData = getInternalData(ic);
			internalData.requestCount = (internalData.requestCount || 0) + 1;
			addClassToElement(ic, htmx.config.requestClass);
		});
		return indicators;
	}
	/**
	* @param {Element} elt
	* @returns {Element[]}
	*/
	function disableElements(elt) {
		let disabledElts = findAttributeTargets(elt, "hx-disabled-elt");
		if (disabledElts == null) disabledElts = [];
		forEach(disabledElts, function(disabledElement) {
			const internalData = getInternalData(disabledElement);
			internalData.requestCount = (internalData.requestCount || 0) + 1;
			if (!disabledElement.hasAttribute("disabled")) {
				disabledElement.setAttribute("disabled", "");
				disabledElement.setAttribute("data-disabled-by-htmx", "");
			}
		});
		return disabledElts;
	}
	/**
	* @param {Element[]} indicators
	* @param {Element[]} disabled
	*/
	function removeRequestIndicators(indicators, disabled) {
		forEach(indicators.concat(disabled), function(ele) {
			const internalData = getInternalData(ele);
			internalData.requestCount = (internalData.requestCount || 1) - 1;
		});
		forEach(indicators, function(ic) {
			if (getInternalData(ic).requestCount === 0) removeClassFromElement(ic, htmx.config.requestClass);
		});
		forEach(disabled, function(disabledElement) {
			if (getInternalData(disabledElement).requestCount === 0 && disabledElement.hasAttribute("data-disabled-by-htmx")) {
				disabledElement.removeAttribute("disabled");
				disabledElement.removeAttribute("data-disabled-by-htmx");
			}
		});
	}
	/**
	* @param {Element[]} processed
	* @param {Element} elt
	* @returns {boolean}
	*/
	function haveSeenNode(processed, elt) {
		for (let i = 0; i < processed.length; i++) if (processed[i].isSameNode(elt)) return true;
		return false;
	}
	/**
	* @param {Element} element
	* @return {boolean}
	*/
	function shouldInclude(element) {
		const elt = element;
		if (elt.name === "" || elt.name == null || elt.disabled || closest(elt, "fieldset[disabled]")) return false;
		if (elt.type === "button" || elt.type === "submit" || elt.tagName === "image" || elt.tagName === "reset" || elt.tagName === "file") return false;
		if (elt.type === "checkbox" || elt.type === "radio") return elt.checked;
		return true;
	}
	/**
	* @param {string} name
	* @param {string|Array|FormDataEntryValue} value
	* @param {FormData} formData */
	function addValueToFormData(name, value, formData) {
		if (name != null && value != null) {
			if (Array.isArray(value)) value.forEach(function(v) {
				formData.append(name, v);
			});
			else formData.append(name, value);
		}
	}
	/**
	* @param {string} name
	* @param {string|Array} value
	* @param {FormData} formData */
	function removeValueFromFormData(name, value, formData) {
		if (name != null && value != null) {
			let values = formData.getAll(name);
			if (Array.isArray(value)) values = values.filter((v) => value.indexOf(v) < 0);
			else values = values.filter((v) => v !== value);
			formData.delete(name);
			forEach(values, (v) => formData.append(name, v));
		}
	}
	/**
	* @param {Element} elt
	* @returns {string|Array}
	*/
	function getValueFromInput(elt) {
		if (elt instanceof HTMLSelectElement && elt.multiple) return toArray(elt.querySelectorAll("option:checked")).map(function(e) {
			return e.value;
		});
		if (elt instanceof HTMLInputElement && elt.files) return toArray(elt.files);
		return elt.value;
	}
	/**
	* @param {Element[]} processed
	* @param {FormData} formData
	* @param {HtmxElementValidationError[]} errors
	* @param {Element|HTMLInputElement|HTMLSelectElement|HTMLFormElement} elt
	* @param {boolean} validate
	*/
	function processInputValue(processed, formData, errors, elt, validate) {
		if (elt == null || haveSeenNode(processed, elt)) return;
		else processed.push(elt);
		if (shouldInclude(elt)) {
			addValueToFormData(getRawAttribute(elt, "name"), getValueFromInput(elt), formData);
			if (validate) validateElement(elt, errors);
		}
		if (elt instanceof HTMLFormElement) {
			forEach(elt.elements, function(input) {
				if (processed.indexOf(input) >= 0) removeValueFromFormData(input.name, getValueFromInput(input), formData);
				else processed.push(input);
				if (validate) validateElement(input, errors);
			});
			new FormData(elt).forEach(function(value, name) {
				if (value instanceof File && value.name === "") return;
				addValueToFormData(name, value, formData);
			});
		}
	}
	/**
	* @param {Element} elt
	* @param {HtmxElementValidationError[]} errors
	*/
	function validateElement(elt, errors) {
		const element = elt;
		if (element.willValidate) {
			triggerEvent(element, "htmx:validation:validate");
			if (!element.checkValidity()) {
				if (triggerEvent(element, "htmx:validation:failed", {
					message: element.validationMessage,
					validity: element.validity
				}) && !errors.length && htmx.config.reportValidityOfForms) element.reportValidity();
				errors.push({
					elt: element,
					message: element.validationMessage,
					validity: element.validity
				});
			}
		}
	}
	/**
	* Override values in the one FormData with those from another.
	* @param {FormData} receiver the formdata that will be mutated
	* @param {FormData} donor the formdata that will provide the overriding values
	* @returns {FormData} the {@linkcode receiver}
	*/
	function overrideFormData(receiver, donor) {
		for (const key of donor.keys()) receiver.delete(key);
		donor.forEach(function(value, key) {
			receiver.append(key, value);
		});
		return receiver;
	}
	/**
	* @param {Element|HTMLFormElement} elt
	* @param {HttpVerb} verb
	* @returns {{errors: HtmxElementValidationError[], formData: FormData, values: Object}}
	*/
	function getInputValues(elt, verb) {
		/** @type Element[] */
		const processed = [];
		const formData = new FormData();
		const priorityFormData = new FormData();
		/** @type HtmxElementValidationError[] */
		const errors = [];
		const internalData = getInternalData(elt);
		if (internalData.lastButtonClicked && !bodyContains(internalData.lastButtonClicked)) internalData.lastButtonClicked = null;
		let validate = elt instanceof HTMLFormElement && elt.noValidate !== true || getAttributeValue(elt, "hx-validate") === "true";
		if (internalData.lastButtonClicked) validate = validate && internalData.lastButtonClicked.formNoValidate !== true;
		if (verb !== "get") processInputValue(processed, priorityFormData, errors, getRelatedForm(elt), validate);
		processInputValue(processed, formData, errors, elt, validate);
		if (internalData.lastButtonClicked || elt.tagName === "BUTTON" || elt.tagName === "INPUT" && getRawAttribute(elt, "type") === "submit") {
			const button = internalData.lastButtonClicked || elt;
			addValueToFormData(getRawAttribute(button, "name"), button.value, priorityFormData);
		}
		forEach(findAttributeTargets(elt, "hx-include"), function(node) {
			processInputValue(processed, formData, errors, asElement(node), validate);
			if (!matches(node, "form")) forEach(asParentNode(node).querySelectorAll(INPUT_SELECTOR), function(descendant) {
				processInputValue(processed, formData, errors, descendant, validate);
			});
		});
		overrideFormData(formData, priorityFormData);
		return {
			errors,
			formData,
			values: formDataProxy(formData)
		};
	}
	/**
	* @param {string} returnStr
	* @param {string} name
	* @param {any} realValue
	* @returns {string}
	*/
	function appendParam(returnStr, name, realValue) {
		if (returnStr !== "") returnStr += "&";
		if (String(realValue) === "[object Object]") realValue = JSON.stringify(realValue);
		const s = encodeURIComponent(realValue);
		returnStr += encodeURIComponent(name) + "=" + s;
		return returnStr;
	}
	/**
	* @param {FormData|Object} values
	* @returns string
	*/
	function urlEncode(values) {
		values = formDataFromObject(values);
		let returnStr = "";
		values.forEach(function(value, key) {
			returnStr = appendParam(returnStr, key, value);
		});
		return returnStr;
	}
	/**
	* @param {Element} elt
	* @param {Element} target
	* @param {string} prompt
	* @returns {HtmxHeaderSpecification}
	*/
	function getHeaders(elt, target, prompt) {
		/** @type HtmxHeaderSpecification */
		const headers = {
			"HX-Request": "true",
			"HX-Trigger": getRawAttribute(elt, "id"),
			"HX-Trigger-Name": getRawAttribute(elt, "name"),
			"HX-Target": getAttributeValue(target, "id"),
			"HX-Current-URL": location.href
		};
		getValuesForElement(elt, "hx-headers", false, headers);
		if (prompt !== void 0) headers["HX-Prompt"] = prompt;
		if (getInternalData(elt).boosted) headers["HX-Boosted"] = "true";
		return headers;
	}
	/**
	* filterValues takes an object containing form input values
	* and returns a new object that only contains keys that are
	* specified by the closest "hx-params" attribute
	* @param {FormData} inputValues
	* @param {Element} elt
	* @returns {FormData}
	*/
	function filterValues(inputValues, elt) {
		const paramsValue = getClosestAttributeValue(elt, "hx-params");
		if (paramsValue) {
			if (paramsValue === "none") return new FormData();
			else if (paramsValue === "*") return inputValues;
			else if (paramsValue.indexOf("not ") === 0) {
				forEach(paramsValue.slice(4).split(","), function(name) {
					name = name.trim();
					inputValues.delete(name);
				});
				return inputValues;
			} else {
				const newValues = new FormData();
				forEach(paramsValue.split(","), function(name) {
					name = name.trim();
					if (inputValues.has(name)) inputValues.getAll(name).forEach(function(value) {
						newValues.append(name, value);
					});
				});
				return newValues;
			}
		} else return inputValues;
	}
	/**
	* @param {Element} elt
	* @return {boolean}
	*/
	function isAnchorLink(elt) {
		return !!getRawAttribute(elt, "href") && getRawAttribute(elt, "href").indexOf("#") >= 0;
	}
	/**
	* @param {Element} elt
	* @param {HtmxSwapStyle} [swapInfoOverride]
	* @returns {HtmxSwapSpecification}
	*/
	function getSwapSpecification(elt, swapInfoOverride) {
		const swapInfo = swapInfoOverride || getClosestAttributeValue(elt, "hx-swap");
		/** @type HtmxSwapSpecification */
		const swapSpec = {
			swapStyle: getInternalData(elt).boosted ? "innerHTML" : htmx.config.defaultSwapStyle,
			swapDelay: htmx.config.defaultSwapDelay,
			settleDelay: htmx.config.defaultSettleDelay
		};
		if (htmx.config.scrollIntoViewOnBoost && getInternalData(elt).boosted && !isAnchorLink(elt)) swapSpec.show = "top";
		if (swapInfo) {
			const split = splitOnWhitespace(swapInfo);
			if (split.length > 0) for (let i = 0; i < split.length; i++) {
				const value = split[i];
				if (value.indexOf("swap:") === 0) swapSpec.swapDelay = parseInterval(value.slice(5));
				else if (value.indexOf("settle:") === 0) swapSpec.settleDelay = parseInterval(value.slice(7));
				else if (value.indexOf("transition:") === 0) swapSpec.transition = value.slice(11) === "true";
				else if (value.indexOf("ignoreTitle:") === 0) swapSpec.ignoreTitle = value.slice(12) === "true";
				else if (value.indexOf("scroll:") === 0) {
					var splitSpec = value.slice(7).split(":");
					const scrollVal = splitSpec.pop();
					var selectorVal = splitSpec.length > 0 ? splitSpec.join(":") : null;
					swapSpec.scroll = scrollVal;
					swapSpec.scrollTarget = selectorVal;
				} else if (value.indexOf("show:") === 0) {
					var splitSpec = value.slice(5).split(":");
					const showVal = splitSpec.pop();
					var selectorVal = splitSpec.length > 0 ? splitSpec.join(":") : null;
					swapSpec.show = showVal;
					swapSpec.showTarget = selectorVal;
				} else if (value.indexOf("focus-scroll:") === 0) swapSpec.focusScroll = value.slice(13) == "true";
				else if (i == 0) swapSpec.swapStyle = value;
				else logError("Unknown modifier in hx-swap: " + value);
			}
		}
		return swapSpec;
	}
	/**
	* @param {Element} elt
	* @return {boolean}
	*/
	function usesFormData(elt) {
		return getClosestAttributeValue(elt, "hx-encoding") === "multipart/form-data" || matches(elt, "form") && getRawAttribute(elt, "enctype") === "multipart/form-data";
	}
	/**
	* @param {XMLHttpRequest} xhr
	* @param {Element} elt
	* @param {FormData} filteredParameters
	* @returns {*|string|null}
	*/
	function encodeParamsForBody(xhr, elt, filteredParameters) {
		let encodedParameters = null;
		withExtensions(elt, function(extension) {
			if (encodedParameters == null) encodedParameters = extension.encodeParameters(xhr, filteredParameters, elt);
		});
		if (encodedParameters != null) return encodedParameters;
		else if (usesFormData(elt)) return overrideFormData(new FormData(), formDataFromObject(filteredParameters));
		else return urlEncode(filteredParameters);
	}
	/**
	*
	* @param {Element} target
	* @returns {HtmxSettleInfo}
	*/
	function makeSettleInfo(target) {
		return {
			tasks: [],
			elts: [target]
		};
	}
	/**
	* @param {Element[]} content
	* @param {HtmxSwapSpecification} swapSpec
	*/
	function updateScrollState(content, swapSpec) {
		const first = content[0];
		const last = content[content.length - 1];
		if (swapSpec.scroll) {
			var target = null;
			if (swapSpec.scrollTarget) target = asElement(querySelectorExt(first, swapSpec.scrollTarget));
			if (swapSpec.scroll === "top" && (first || target)) {
				target = target || first;
				target.scrollTop = 0;
			}
			if (swapSpec.scroll === "bottom" && (last || target)) {
				target = target || last;
				target.scrollTop = target.scrollHeight;
			}
			if (typeof swapSpec.scroll === "number") getWindow().setTimeout(function() {
				window.scrollTo(0, swapSpec.scroll);
			}, 0);
		}
		if (swapSpec.show) {
			var target = null;
			if (swapSpec.showTarget) {
				let targetStr = swapSpec.showTarget;
				if (swapSpec.showTarget === "window") targetStr = "body";
				target = asElement(querySelectorExt(first, targetStr));
			}
			if (swapSpec.show === "top" && (first || target)) {
				target = target || first;
				target.scrollIntoView({
					block: "start",
					behavior: htmx.config.scrollBehavior
				});
			}
			if (swapSpec.show === "bottom" && (last || target)) {
				target = target || last;
				target.scrollIntoView({
					block: "end",
					behavior: htmx.config.scrollBehavior
				});
			}
		}
	}
	/**
	* @param {Element} elt
	* @param {string} attr
	* @param {boolean=} evalAsDefault
	* @param {Object=} values
	* @param {Event=} event
	* @returns {Object}
	*/
	function getValuesForElement(elt, attr, evalAsDefault, values, event) {
		if (values == null) values = {};
		if (elt == null) return values;
		const attributeValue = getAttributeValue(elt, attr);
		if (attributeValue) {
			let str = attributeValue.trim();
			let evaluateValue = evalAsDefault;
			if (str === "unset") return null;
			if (str.indexOf("javascript:") === 0) {
				str = str.slice(11);
				evaluateValue = true;
			} else if (str.indexOf("js:") === 0) {
				str = str.slice(3);
				evaluateValue = true;
			}
			if (str.indexOf("{") !== 0) str = "{" + str + "}";
			let varsValues;
			if (evaluateValue) varsValues = maybeEval(elt, function() {
				if (event) return Function("event", "return (" + str + ")").call(elt, event);
				else return Function("return (" + str + ")").call(elt);
			}, {});
			else varsValues = parseJSON(str);
			for (const key of Object.keys(varsValues)) if (values[key] == null) values[key] = varsValues[key];
		}
		return getValuesForElement(asElement(parentElt(elt)), attr, evalAsDefault, values, event);
	}
	/**
	* @param {EventTarget|string} elt
	* @param {() => any} toEval
	* @param {any=} defaultVal
	* @returns {any}
	*/
	function maybeEval(elt, toEval, defaultVal) {
		if (htmx.config.allowEval) return toEval();
		else {
			triggerErrorEvent(elt, "htmx:evalDisallowedError");
			return defaultVal;
		}
	}
	/**
	* @param {Element} elt
	* @param {Event=} event
	* @param {*?=} expressionVars
	* @returns
	*/
	function getHXVarsForElement(elt, event, expressionVars) {
		return getValuesForElement(elt, "hx-vars", true, expressionVars, event);
	}
	/**
	* @param {Element} elt
	* @param {Event=} event
	* @param {*?=} expressionVars
	* @returns
	*/
	function getHXValsForElement(elt, event, expressionVars) {
		return getValuesForElement(elt, "hx-vals", false, expressionVars, event);
	}
	/**
	* @param {Element} elt
	* @param {Event=} event
	* @returns {FormData}
	*/
	function getExpressionVars(elt, event) {
		return mergeObjects(getHXVarsForElement(elt, event), getHXValsForElement(elt, event));
	}
	/**
	* @param {XMLHttpRequest} xhr
	* @param {string} header
	* @param {string|null} headerValue
	*/
	function safelySetHeaderValue(xhr, header, headerValue) {
		if (headerValue !== null) try {
			xhr.setRequestHeader(header, headerValue);
		} catch (e) {
			xhr.setRequestHeader(header, encodeURIComponent(headerValue));
			xhr.setRequestHeader(header + "-URI-AutoEncoded", "true");
		}
	}
	/**
	* @param {XMLHttpRequest} xhr
	* @return {string}
	*/
	function getPathFromResponse(xhr) {
		if (xhr.responseURL) try {
			const url = new URL(xhr.responseURL);
			return url.pathname + url.search;
		} catch (e) {
			triggerErrorEvent(getDocument().body, "htmx:badResponseUrl", { url: xhr.responseURL });
		}
	}
	/**
	* @param {XMLHttpRequest} xhr
	* @param {string} name
	* @return {boolean}
	*/
	function hasHeader(xhr, name) {
		return xhr.getResponseHeader(name) !== null;
	}
	/**
	* Issues an htmx-style AJAX request
	*
	* @see https://htmx.org/api/#ajax
	*
	* @param {HttpVerb} verb
	* @param {string} path the URL path to make the AJAX
	* @param {Element|string|HtmxAjaxHelperContext} context the element to target (defaults to the **body**) | a selector for the target | a context object that contains any of the following
	* @return {Promise<void>} Promise that resolves immediately if no request is sent, or when the request is complete
	*/
	function ajaxHelper(verb, path, context) {
		verb = verb.toLowerCase();
		if (context) {
			if (context instanceof Element || typeof context === "string") return issueAjaxRequest(verb, path, null, null, {
				targetOverride: resolveTarget(context) || DUMMY_ELT,
				returnPromise: true
			});
			else {
				let resolvedTarget = resolveTarget(context.target);
				if (context.target && !resolvedTarget || context.source && !resolvedTarget && !resolveTarget(context.source)) resolvedTarget = DUMMY_ELT;
				return issueAjaxRequest(verb, path, resolveTarget(context.source), context.event, {
					handler: context.handler,
					headers: context.headers,
					values: context.values,
					targetOverride: resolvedTarget,
					swapOverride: context.swap,
					select: context.select,
					returnPromise: true,
					push: context.push,
					replace: context.replace,
					selectOOB: context.selectOOB
				});
			}
		} else return issueAjaxRequest(verb, path, null, null, { returnPromise: true });
	}
	/**
	* @param {Element} elt
	* @return {Element[]}
	*/
	function hierarchyForElt(elt) {
		const arr = [];
		while (elt) {
			arr.push(elt);
			elt = elt.parentElement;
		}
		return arr;
	}
	/**
	* @param {Element} elt
	* @param {string} path
	* @param {HtmxRequestConfig} requestConfig
	* @return {boolean}
	*/
	function verifyPath(elt, path, requestConfig) {
		const url = new URL(path, location.protocol !== "about:" ? location.href : window.origin);
		const sameHost = (location.protocol !== "about:" ? location.origin : window.origin) === url.origin;
		if (htmx.config.selfRequestsOnly) {
			if (!sameHost) return false;
		}
		return triggerEvent(elt, "htmx:validateUrl", mergeObjects({
			url,
			sameHost
		}, requestConfig));
	}
	/**
	* @param {Object|FormData} obj
	* @return {FormData}
	*/
	function formDataFromObject(obj) {
		if (obj instanceof FormData) return obj;
		const formData = new FormData();
		for (const key of Object.keys(obj)) if (obj[key] && typeof obj[key].forEach === "function") obj[key].forEach(function(v) {
			formData.append(key, v);
		});
		else if (typeof obj[key] === "object" && !(obj[key] instanceof Blob)) formData.append(key, JSON.stringify(obj[key]));
		else formData.append(key, obj[key]);
		return formData;
	}
	/**
	* @param {FormData} formData
	* @param {string} name
	* @param {Array} array
	* @returns {Array}
	*/
	function formDataArrayProxy(formData, name, array) {
		return new Proxy(array, {
			get: function(target, key) {
				if (typeof key === "number") return target[key];
				if (key === "length") return target.length;
				if (key === "push") return function(value) {
					target.push(value);
					formData.append(name, value);
				};
				if (typeof target[key] === "function") return function() {
					target[key].apply(target, arguments);
					formData.delete(name);
					target.forEach(function(v) {
						formData.append(name, v);
					});
				};
				if (target[key] && target[key].length === 1) return target[key][0];
				else return target[key];
			},
			set: function(target, index, value) {
				target[index] = value;
				formData.delete(name);
				target.forEach(function(v) {
					formData.append(name, v);
				});
				return true;
			}
		});
	}
	/**
	* @param {FormData} formData
	* @returns {Object}
	*/
	function formDataProxy(formData) {
		return new Proxy(formData, {
			get: function(target, name) {
				if (typeof name === "symbol") {
					const result = Reflect.get(target, name);
					if (typeof result === "function") return function() {
						return result.apply(formData, arguments);
					};
					else return result;
				}
				if (name === "toJSON") return () => Object.fromEntries(formData);
				if (name in target) {
					if (typeof target[name] === "function") return function() {
						return formData[name].apply(formData, arguments);
					};
				}
				const array = formData.getAll(name);
				if (array.length === 0) return;
				else if (array.length === 1) return array[0];
				else return formDataArrayProxy(target, name, array);
			},
			set: function(target, name, value) {
				if (typeof name !== "string") return false;
				target.delete(name);
				if (value && typeof value.forEach === "function") value.forEach(function(v) {
					target.append(name, v);
				});
				else if (typeof value === "object" && !(value instanceof Blob)) target.append(name, JSON.stringify(value));
				else target.append(name, value);
				return true;
			},
			deleteProperty: function(target, name) {
				if (typeof name === "string") target.delete(name);
				return true;
			},
			ownKeys: function(target) {
				return Reflect.ownKeys(Object.fromEntries(target));
			},
			getOwnPropertyDescriptor: function(target, prop) {
				return Reflect.getOwnPropertyDescriptor(Object.fromEntries(target), prop);
			}
		});
	}
	/**
	* @param {HttpVerb} verb
	* @param {string} path
	* @param {Element} elt
	* @param {Event} event
	* @param {HtmxAjaxEtc} [etc]
	* @param {boolean} [confirmed]
	* @return {Promise<void>}
	*/
	function issueAjaxRequest(verb, path, elt, event, etc, confirmed) {
		let resolve = null;
		let reject = null;
		etc = etc != null ? etc : {};
		if (etc.returnPromise && typeof Promise !== "undefined") var promise = new Promise(function(_resolve, _reject) {
			resolve = _resolve;
			reject = _reject;
		});
		if (elt == null) elt = getDocument().body;
		const responseHandler = etc.handler || handleAjaxResponse;
		const select = etc.select || null;
		if (!bodyContains(elt)) {
			maybeCall(resolve);
			return promise;
		}
		const target = etc.targetOverride || asElement(getTarget(elt));
		if (target == null || target == DUMMY_ELT) {
			triggerErrorEvent(elt, "htmx:targetError", { target: getClosestAttributeValue(elt, "hx-target") });
			maybeCall(reject);
			return promise;
		}
		let eltData = getInternalData(elt);
		const submitter = eltData.lastButtonClicked;
		if (submitter) {
			const buttonPath = getRawAttribute(submitter, "formaction");
			if (buttonPath != null) path = buttonPath;
			const buttonVerb = getRawAttribute(submitter, "formmethod");
			if (buttonVerb != null) {
				if (VERBS.includes(buttonVerb.toLowerCase())) verb = buttonVerb;
				else {
					maybeCall(resolve);
					return promise;
				}
			}
		}
		const confirmQuestion = getClosestAttributeValue(elt, "hx-confirm");
		if (confirmed === void 0) {
			const issueRequest = function(skipConfirmation) {
				return issueAjaxRequest(verb, path, elt, event, etc, !!skipConfirmation);
			};
			if (triggerEvent(elt, "htmx:confirm", {
				target,
				elt,
				path,
				verb,
				triggeringEvent: event,
				etc,
				issueRequest,
				question: confirmQuestion
			}) === false) {
				maybeCall(resolve);
				return promise;
			}
		}
		let syncElt = elt;
		let syncStrategy = getClosestAttributeValue(elt, "hx-sync");
		let queueStrategy = null;
		let abortable = false;
		if (syncStrategy) {
			const syncStrings = syncStrategy.split(":");
			const selector = syncStrings[0].trim();
			if (selector === "this") syncElt = findThisElement(elt, "hx-sync");
			else syncElt = asElement(querySelectorExt(elt, selector));
			syncStrategy = (syncStrings[1] || "drop").trim();
			eltData = getInternalData(syncElt);
			if (syncStrategy === "drop" && eltData.xhr && eltData.abortable !== true) {
				maybeCall(resolve);
				return promise;
			} else if (syncStrategy === "abort") {
				if (eltData.xhr) {
					maybeCall(resolve);
					return promise;
				} else abortable = true;
			} else if (syncStrategy === "replace") triggerEvent(syncElt, "htmx:abort");
			else if (syncStrategy.indexOf("queue") === 0) queueStrategy = (syncStrategy.split(" ")[1] || "last").trim();
		}
		if (eltData.xhr) {
			if (eltData.abortable) triggerEvent(syncElt, "htmx:abort");
			else {
				if (queueStrategy == null) {
					if (event) {
						const eventData = getInternalData(event);
						if (eventData && eventData.triggerSpec && eventData.triggerSpec.queue) queueStrategy = eventData.triggerSpec.queue;
					}
					if (queueStrategy == null) queueStrategy = "last";
				}
				if (eltData.queuedRequests == null) eltData.queuedRequests = [];
				if (queueStrategy === "first" && eltData.queuedRequests.length === 0) eltData.queuedRequests.push(function() {
					issueAjaxRequest(verb, path, elt, event, etc);
				});
				else if (queueStrategy === "all") eltData.queuedRequests.push(function() {
					issueAjaxRequest(verb, path, elt, event, etc);
				});
				else if (queueStrategy === "last") {
					eltData.queuedRequests = [];
					eltData.queuedRequests.push(function() {
						issueAjaxRequest(verb, path, elt, event, etc);
					});
				}
				maybeCall(resolve);
				return promise;
			}
		}
		const xhr = new XMLHttpRequest();
		eltData.xhr = xhr;
		eltData.abortable = abortable;
		const endRequestLock = function() {
			eltData.xhr = null;
			eltData.abortable = false;
			if (eltData.queuedRequests != null && eltData.queuedRequests.length > 0) eltData.queuedRequests.shift()();
		};
		const promptQuestion = getClosestAttributeValue(elt, "hx-prompt");
		if (promptQuestion) {
			var promptResponse = prompt(promptQuestion);
			if (promptResponse === null || !triggerEvent(elt, "htmx:prompt", {
				prompt: promptResponse,
				target
			})) {
				maybeCall(resolve);
				endRequestLock();
				return promise;
			}
		}
		if (confirmQuestion && !confirmed) {
			if (!confirm(confirmQuestion)) {
				maybeCall(resolve);
				endRequestLock();
				return promise;
			}
		}
		let headers = getHeaders(elt, target, promptResponse);
		if (verb !== "get" && !usesFormData(elt)) headers["Content-Type"] = "application/x-www-form-urlencoded";
		if (etc.headers) headers = mergeObjects(headers, etc.headers);
		const results = getInputValues(elt, verb);
		let errors = results.errors;
		const rawFormData = results.formData;
		if (etc.values) overrideFormData(rawFormData, formDataFromObject(etc.values));
		const allFormData = overrideFormData(rawFormData, formDataFromObject(getExpressionVars(elt, event)));
		let filteredFormData = filterValues(allFormData, elt);
		if (htmx.config.getCacheBusterParam && verb === "get") filteredFormData.set("org.htmx.cache-buster", getRawAttribute(target, "id") || "true");
		if (path == null || path === "") path = location.href;
		/**
		* @type {Object}
		* @property {boolean} [credentials]
		* @property {number} [timeout]
		* @property {boolean} [noHeaders]
		*/
		const requestAttrValues = getValuesForElement(elt, "hx-request");
		const eltIsBoosted = getInternalData(elt).boosted;
		let useUrlParams = htmx.config.methodsThatUseUrlParams.indexOf(verb) >= 0;
		/** @type HtmxRequestConfig */
		const requestConfig = {
			boosted: eltIsBoosted,
			useUrlParams,
			formData: filteredFormData,
			parameters: formDataProxy(filteredFormData),
			unfilteredFormData: allFormData,
			unfilteredParameters: formDataProxy(allFormData),
			headers,
			elt,
			target,
			verb,
			errors,
			withCredentials: etc.credentials || requestAttrValues.credentials || htmx.config.withCredentials,
			timeout: etc.timeout || requestAttrValues.timeout || htmx.config.timeout,
			path,
			triggeringEvent: event
		};
		if (!triggerEvent(elt, "htmx:configRequest", requestConfig)) {
			maybeCall(resolve);
			endRequestLock();
			return promise;
		}
		path = requestConfig.path;
		verb = requestConfig.verb;
		headers = requestConfig.headers;
		filteredFormData = formDataFromObject(requestConfig.parameters);
		errors = requestConfig.errors;
		useUrlParams = requestConfig.useUrlParams;
		if (errors && errors.length > 0) {
			triggerEvent(elt, "htmx:validation:halted", requestConfig);
			maybeCall(resolve);
			endRequestLock();
			return promise;
		}
		const splitPath = path.split("#");
		const pathNoAnchor = splitPath[0];
		const anchor = splitPath[1];
		let finalPath = path;
		if (useUrlParams) {
			finalPath = pathNoAnchor;
			if (!filteredFormData.keys().next().done) {
				if (finalPath.indexOf("?") < 0) finalPath += "?";
				else finalPath += "&";
				finalPath += urlEncode(filteredFormData);
				if (anchor) finalPath += "#" + anchor;
			}
		}
		if (!verifyPath(elt, finalPath, requestConfig)) {
			triggerErrorEvent(elt, "htmx:invalidPath", requestConfig);
			maybeCall(reject);
			endRequestLock();
			return promise;
		}
		xhr.open(verb.toUpperCase(), finalPath, true);
		xhr.overrideMimeType("text/html");
		xhr.withCredentials = requestConfig.withCredentials;
		xhr.timeout = requestConfig.timeout;
		if (requestAttrValues.noHeaders) {} else for (const header of Object.keys(headers)) safelySetHeaderValue(xhr, header, headers[header]);
		/** @type {HtmxResponseInfo} */
		const responseInfo = {
			xhr,
			target,
			requestConfig,
			etc,
			boosted: eltIsBoosted,
			select,
			pathInfo: {
				requestPath: path,
				finalRequestPath: finalPath,
				responsePath: null,
				anchor
			}
		};
		xhr.onload = function() {
			try {
				const hierarchy = hierarchyForElt(elt);
				responseInfo.pathInfo.responsePath = getPathFromResponse(xhr);
				responseHandler(elt, responseInfo);
				if (responseInfo.keepIndicators !== true) removeRequestIndicators(indicators, disableElts);
				triggerEvent(elt, "htmx:afterRequest", responseInfo);
				triggerEvent(elt, "htmx:afterOnLoad", responseInfo);
				if (!bodyContains(elt)) {
					let secondaryTriggerElt = null;
					while (hierarchy.length > 0 && secondaryTriggerElt == null) {
						const parentEltInHierarchy = hierarchy.shift();
						if (bodyContains(parentEltInHierarchy)) secondaryTriggerElt = parentEltInHierarchy;
					}
					if (secondaryTriggerElt) {
						triggerEvent(secondaryTriggerElt, "htmx:afterRequest", responseInfo);
						triggerEvent(secondaryTriggerElt, "htmx:afterOnLoad", responseInfo);
					}
				}
				maybeCall(resolve);
			} catch (e) {
				triggerErrorEvent(elt, "htmx:onLoadError", mergeObjects({ error: e }, responseInfo));
				throw e;
			} finally {
				endRequestLock();
			}
		};
		xhr.onerror = function() {
			removeRequestIndicators(indicators, disableElts);
			triggerErrorEvent(elt, "htmx:afterRequest", responseInfo);
			triggerErrorEvent(elt, "htmx:sendError", responseInfo);
			maybeCall(reject);
			endRequestLock();
		};
		xhr.onabort = function() {
			removeRequestIndicators(indicators, disableElts);
			triggerErrorEvent(elt, "htmx:afterRequest", responseInfo);
			triggerErrorEvent(elt, "htmx:sendAbort", responseInfo);
			maybeCall(reject);
			endRequestLock();
		};
		xhr.ontimeout = function() {
			removeRequestIndicators(indicators, disableElts);
			triggerErrorEvent(elt, "htmx:afterRequest", responseInfo);
			triggerErrorEvent(elt, "htmx:timeout", responseInfo);
			maybeCall(reject);
			endRequestLock();
		};
		if (!triggerEvent(elt, "htmx:beforeRequest", responseInfo)) {
			maybeCall(resolve);
			endRequestLock();
			return promise;
		}
		var indicators = addRequestIndicatorClasses(elt);
		var disableElts = disableElements(elt);
		forEach([
			"loadstart",
			"loadend",
			"progress",
			"abort"
		], function(eventName) {
			forEach([xhr, xhr.upload], function(target) {
				target.addEventListener(eventName, function(event) {
					triggerEvent(elt, "htmx:xhr:" + eventName, {
						lengthComputable: event.lengthComputable,
						loaded: event.loaded,
						total: event.total
					});
				});
			});
		});
		triggerEvent(elt, "htmx:beforeSend", responseInfo);
		const params = useUrlParams ? null : encodeParamsForBody(xhr, elt, filteredFormData);
		xhr.send(params);
		return promise;
	}
	/**
	* @typedef {Object} HtmxHistoryUpdate
	* @property {string|null} [type]
	* @property {string|null} [path]
	*/
	/**
	* @param {Element} elt
	* @param {HtmxResponseInfo} responseInfo
	* @return {HtmxHistoryUpdate}
	*/
	function determineHistoryUpdates(elt, responseInfo) {
		const xhr = responseInfo.xhr;
		let pathFromHeaders = null;
		let typeFromHeaders = null;
		if (hasHeader(xhr, "HX-Push")) {
			pathFromHeaders = xhr.getResponseHeader("HX-Push");
			typeFromHeaders = "push";
		} else if (hasHeader(xhr, "HX-Push-Url")) {
			pathFromHeaders = xhr.getResponseHeader("HX-Push-Url");
			typeFromHeaders = "push";
		} else if (hasHeader(xhr, "HX-Replace-Url")) {
			pathFromHeaders = xhr.getResponseHeader("HX-Replace-Url");
			typeFromHeaders = "replace";
		}
		if (pathFromHeaders) {
			if (pathFromHeaders === "false") return {};
			else return {
				type: typeFromHeaders,
				path: pathFromHeaders
			};
		}
		const requestPath = responseInfo.pathInfo.finalRequestPath;
		const responsePath = responseInfo.pathInfo.responsePath;
		const pushUrl = responseInfo.etc.push || getClosestAttributeValue(elt, "hx-push-url");
		let replaceUrl = responseInfo.etc.replace || getClosestAttributeValue(elt, "hx-replace-url");
		if (replaceUrl === "false") replaceUrl = null;
		const elementIsBoosted = getInternalData(elt).boosted;
		let saveType = null;
		let path = null;
		if (pushUrl) {
			saveType = "push";
			path = pushUrl;
		} else if (replaceUrl) {
			saveType = "replace";
			path = replaceUrl;
		} else if (elementIsBoosted) {
			saveType = "push";
			path = responsePath || requestPath;
		}
		if (path) {
			if (path === "false") return {};
			if (path === "true") path = responsePath || requestPath;
			if (responseInfo.pathInfo.anchor && path.indexOf("#") === -1) path = path + "#" + responseInfo.pathInfo.anchor;
			return {
				type: saveType,
				path
			};
		} else return {};
	}
	/**
	* @param {HtmxResponseHandlingConfig} responseHandlingConfig
	* @param {number} status
	* @return {boolean}
	*/
	function codeMatches(responseHandlingConfig, status) {
		return new RegExp(responseHandlingConfig.code).test(status.toString(10));
	}
	/**
	* @param {XMLHttpRequest} xhr
	* @return {HtmxResponseHandlingConfig}
	*/
	function resolveResponseHandling(xhr) {
		for (var i = 0; i < htmx.config.responseHandling.length; i++) {
			/** @type HtmxResponseHandlingConfig */
			var responseHandlingElement = htmx.config.responseHandling[i];
			if (codeMatches(responseHandlingElement, xhr.status)) return responseHandlingElement;
		}
		return { swap: false };
	}
	/**
	* @param {string} title
	*/
	function handleTitle(title) {
		if (title) {
			const titleElt = find("title");
			if (titleElt) titleElt.textContent = title;
			else window.document.title = title;
		}
	}
	/**
	* Resove the Retarget selector and throw if not found
	* @param {Element} elt
	* @param {String} target
	* @returns {Element}
	*/
	function resolveRetarget(elt, target) {
		if (target === "this") return elt;
		const resolvedTarget = asElement(querySelectorExt(elt, target));
		if (resolvedTarget == null) {
			triggerErrorEvent(elt, "htmx:targetError", { target });
			throw new Error(`Invalid re-target ${target}`);
		}
		return resolvedTarget;
	}
	/**
	* @param {Element} elt
	* @param {HtmxResponseInfo} responseInfo
	*/
	function handleAjaxResponse(elt, responseInfo) {
		const xhr = responseInfo.xhr;
		let target = responseInfo.target;
		const etc = responseInfo.etc;
		const responseInfoSelect = responseInfo.select;
		if (!triggerEvent(elt, "htmx:beforeOnLoad", responseInfo)) return;
		if (hasHeader(xhr, "HX-Trigger")) handleTriggerHeader(xhr, "HX-Trigger", elt);
		if (hasHeader(xhr, "HX-Location")) {
			let redirectPath = xhr.getResponseHeader("HX-Location");
			/** @type {HtmxAjaxHelperContext&{path?:string}} */
			var redirectSwapSpec = {};
			if (redirectPath.indexOf("{") === 0) {
				redirectSwapSpec = parseJSON(redirectPath);
				redirectPath = redirectSwapSpec.path;
				delete redirectSwapSpec.path;
			}
			redirectSwapSpec.push = redirectSwapSpec.push ?? "true";
			ajaxHelper("get", redirectPath, redirectSwapSpec);
			return;
		}
		const shouldRefresh = hasHeader(xhr, "HX-Refresh") && xhr.getResponseHeader("HX-Refresh") === "true";
		if (hasHeader(xhr, "HX-Redirect")) {
			responseInfo.keepIndicators = true;
			htmx.location.href = xhr.getResponseHeader("HX-Redirect");
			shouldRefresh && htmx.location.reload();
			return;
		}
		if (shouldRefresh) {
			responseInfo.keepIndicators = true;
			htmx.location.reload();
			return;
		}
		const historyUpdate = determineHistoryUpdates(elt, responseInfo);
		const responseHandling = resolveResponseHandling(xhr);
		const shouldSwap = responseHandling.swap;
		let isError = !!responseHandling.error;
		let ignoreTitle = htmx.config.ignoreTitle || responseHandling.ignoreTitle;
		let selectOverride = responseHandling.select;
		if (responseHandling.target) responseInfo.target = resolveRetarget(elt, responseHandling.target);
		var swapOverride = etc.swapOverride;
		if (swapOverride == null && responseHandling.swapOverride) swapOverride = responseHandling.swapOverride;
		if (hasHeader(xhr, "HX-Retarget")) responseInfo.target = resolveRetarget(elt, xhr.getResponseHeader("HX-Retarget"));
		if (hasHeader(xhr, "HX-Reswap")) swapOverride = xhr.getResponseHeader("HX-Reswap");
		var serverResponse = xhr.response;
		/** @type HtmxBeforeSwapDetails */
		var beforeSwapDetails = mergeObjects({
			shouldSwap,
			serverResponse,
			isError,
			ignoreTitle,
			selectOverride,
			swapOverride
		}, responseInfo);
		if (responseHandling.event && !triggerEvent(target, responseHandling.event, beforeSwapDetails)) return;
		if (!triggerEvent(target, "htmx:beforeSwap", beforeSwapDetails)) return;
		target = beforeSwapDetails.target;
		serverResponse = beforeSwapDetails.serverResponse;
		isError = beforeSwapDetails.isError;
		ignoreTitle = beforeSwapDetails.ignoreTitle;
		selectOverride = beforeSwapDetails.selectOverride;
		swapOverride = beforeSwapDetails.swapOverride;
		responseInfo.target = target;
		responseInfo.failed = isError;
		responseInfo.successful = !isError;
		if (beforeSwapDetails.shouldSwap) {
			if (xhr.status === 286) cancelPolling(elt);
			withExtensions(elt, function(extension) {
				serverResponse = extension.transformResponse(serverResponse, xhr, elt);
			});
			if (historyUpdate.type) saveCurrentPageToHistory();
			var swapSpec = getSwapSpecification(elt, swapOverride);
			if (!swapSpec.hasOwnProperty("ignoreTitle")) swapSpec.ignoreTitle = ignoreTitle;
			addClassToElement(target, htmx.config.swappingClass);
			if (responseInfoSelect) selectOverride = responseInfoSelect;
			if (hasHeader(xhr, "HX-Reselect")) selectOverride = xhr.getResponseHeader("HX-Reselect");
			const selectOOB = etc.selectOOB || getClosestAttributeValue(elt, "hx-select-oob");
			const select = getClosestAttributeValue(elt, "hx-select");
			swap(target, serverResponse, swapSpec, {
				select: selectOverride === "unset" ? null : selectOverride || select,
				selectOOB,
				eventInfo: responseInfo,
				anchor: responseInfo.pathInfo.anchor,
				contextElement: elt,
				afterSwapCallback: function() {
					if (hasHeader(xhr, "HX-Trigger-After-Swap")) {
						let finalElt = elt;
						if (!bodyContains(elt)) finalElt = getDocument().body;
						handleTriggerHeader(xhr, "HX-Trigger-After-Swap", finalElt);
					}
				},
				afterSettleCallback: function() {
					if (hasHeader(xhr, "HX-Trigger-After-Settle")) {
						let finalElt = elt;
						if (!bodyContains(elt)) finalElt = getDocument().body;
						handleTriggerHeader(xhr, "HX-Trigger-After-Settle", finalElt);
					}
				},
				beforeSwapCallback: function() {
					if (historyUpdate.type) {
						triggerEvent(getDocument().body, "htmx:beforeHistoryUpdate", mergeObjects({ history: historyUpdate }, responseInfo));
						if (historyUpdate.type === "push") {
							pushUrlIntoHistory(historyUpdate.path);
							triggerEvent(getDocument().body, "htmx:pushedIntoHistory", { path: historyUpdate.path });
						} else {
							replaceUrlInHistory(historyUpdate.path);
							triggerEvent(getDocument().body, "htmx:replacedInHistory", { path: historyUpdate.path });
						}
					}
				}
			});
		}
		if (isError) triggerErrorEvent(elt, "htmx:responseError", mergeObjects({ error: "Response Status Error Code " + xhr.status + " from " + responseInfo.pathInfo.requestPath }, responseInfo));
	}
	/** @type {Object<string, HtmxExtension>} */
	const extensions = {};
	/**
	* extensionBase defines the default functions for all extensions.
	* @returns {HtmxExtension}
	*/
	function extensionBase() {
		return {
			init: function(api) {
				return null;
			},
			getSelectors: function() {
				return null;
			},
			onEvent: function(name, evt) {
				return true;
			},
			transformResponse: function(text, xhr, elt) {
				return text;
			},
			isInlineSwap: function(swapStyle) {
				return false;
			},
			handleSwap: function(swapStyle, target, fragment, settleInfo) {
				return false;
			},
			encodeParameters: function(xhr, parameters, elt) {
				return null;
			}
		};
	}
	/**
	* defineExtension initializes the extension and adds it to the htmx registry
	*
	* @see https://htmx.org/api/#defineExtension
	*
	* @param {string} name the extension name
	* @param {Partial<HtmxExtension>} extension the extension definition
	*/
	function defineExtension(name, extension) {
		if (extension.init) extension.init(internalAPI);
		extensions[name] = mergeObjects(extensionBase(), extension);
	}
	/**
	* removeExtension removes an extension from the htmx registry
	*
	* @see https://htmx.org/api/#removeExtension
	*
	* @param {string} name
	*/
	function removeExtension(name) {
		delete extensions[name];
	}
	/**
	* getExtensions searches up the DOM tree to return all extensions that can be applied to a given element
	*
	* @param {Element} elt
	* @param {HtmxExtension[]=} extensionsToReturn
	* @param {string[]=} extensionsToIgnore
	* @returns {HtmxExtension[]}
	*/
	function getExtensions(elt, extensionsToReturn, extensionsToIgnore) {
		if (extensionsToReturn == void 0) extensionsToReturn = [];
		if (elt == void 0) return extensionsToReturn;
		if (extensionsToIgnore == void 0) extensionsToIgnore = [];
		const extensionsForElement = getAttributeValue(elt, "hx-ext");
		if (extensionsForElement) forEach(extensionsForElement.split(","), function(extensionName) {
			extensionName = extensionName.replace(/ /g, "");
			if (extensionName.slice(0, 7) == "ignore:") {
				extensionsToIgnore.push(extensionName.slice(7));
				return;
			}
			if (extensionsToIgnore.indexOf(extensionName) < 0) {
				const extension = extensions[extensionName];
				if (extension && extensionsToReturn.indexOf(extension) < 0) extensionsToReturn.push(extension);
			}
		});
		return getExtensions(asElement(parentElt(elt)), extensionsToReturn, extensionsToIgnore);
	}
	var isReady = false;
	getDocument().addEventListener("DOMContentLoaded", function() {
		isReady = true;
	});
	/**
	* Execute a function now if DOMContentLoaded has fired, otherwise listen for it.
	*
	* This function uses isReady because there is no reliable way to ask the browser whether
	* the DOMContentLoaded event has already been fired; there's a gap between DOMContentLoaded
	* firing and readystate=complete.
	*/
	function ready(fn) {
		if (isReady || getDocument().readyState === "complete") fn();
		else getDocument().addEventListener("DOMContentLoaded", fn);
	}
	function insertIndicatorStyles() {
		if (htmx.config.includeIndicatorStyles !== false) {
			const nonceAttribute = htmx.config.inlineStyleNonce ? ` nonce="${htmx.config.inlineStyleNonce}"` : "";
			const indicator = htmx.config.indicatorClass;
			const request = htmx.config.requestClass;
			getDocument().head.insertAdjacentHTML("beforeend", `<style${nonceAttribute}>.${indicator}{opacity:0;visibility: hidden} .${request} .${indicator}, .${request}.${indicator}{opacity:1;visibility: visible;transition: opacity 200ms ease-in}</style>`);
		}
	}
	function getMetaConfig() {
		/** @type HTMLMetaElement */
		const element = getDocument().querySelector("meta[name=\"htmx-config\"]");
		if (element) return parseJSON(element.content);
		else return null;
	}
	function mergeMetaConfig() {
		const metaConfig = getMetaConfig();
		if (metaConfig) htmx.config = mergeObjects(htmx.config, metaConfig);
	}
	ready(function() {
		mergeMetaConfig();
		insertIndicatorStyles();
		let body = getDocument().body;
		processNode(body);
		const restoredElts = getDocument().querySelectorAll("[hx-trigger='restored'],[data-hx-trigger='restored']");
		body.addEventListener("htmx:abort", function(evt) {
			const internalData = getInternalData(evt.detail.elt || evt.target);
			if (internalData && internalData.xhr) internalData.xhr.abort();
		});
		/** @type {(ev: PopStateEvent) => any} */
		const originalPopstate = window.onpopstate ? window.onpopstate.bind(window) : null;
		/** @type {(ev: PopStateEvent) => any} */
		window.onpopstate = function(event) {
			if (event.state && event.state.htmx) {
				restoreHistory();
				forEach(restoredElts, function(elt) {
					triggerEvent(elt, "htmx:restored", {
						document: getDocument(),
						triggerEvent
					});
				});
			} else if (originalPopstate) originalPopstate(event);
		};
		getWindow().setTimeout(function() {
			triggerEvent(body, "htmx:load", {});
			body = null;
		}, 0);
	});
	return htmx;
})();
// src/behaviours/keys.ts
/** Keys of every page: ? help, Ctrl K palette, / search here, G then O W R go to, E edit, R run. */
var GO = {
	o: "/",
	w: "/workflows/",
	r: "/runs/",
	p: "/resources/",
	a: "/audit/"
};
function startKeys(openPalette) {
	let goUntil = 0;
	document.addEventListener("keydown", (event) => {
		if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
			event.preventDefault();
			openPalette();
			return;
		}
		if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
		if (document.querySelector("dialog[open]")) return;
		const key = event.key.toLowerCase();
		if (performance.now() < goUntil) {
			goUntil = 0;
			const address = GO[key];
			if (address) {
				event.preventDefault();
				location.assign(address);
				return;
			}
		}
		if (key === "g") goUntil = performance.now() + 1200;
		else if (event.key === "?") one("#help")?.showModal();
		else if (key === "/") {
			const field = one("[data-search]");
			if (!field) return;
			field.focus();
			if (field instanceof HTMLInputElement) field.select();
		} else if (key === "e") one("[data-key-edit]")?.click();
		else if (key === "r") {
			const run = one("[data-key-run]");
			if (!run || run.closest("[hidden]")) return;
			run.click();
		} else return;
		event.preventDefault();
	});
	document.addEventListener("click", (event) => {
		if (event.target instanceof Element && event.target.closest("[data-help]")) one("#help")?.showModal();
	});
}
// src/behaviours/toast.ts
/** Short messages at the corner: what was done, or why it was not. Those that tell of success go by themselves. */
var SHOWN_MS = 6e3;
function toast(text, kind = "success") {
	const close = element("button", "btn quiet small icon", icon("bad", true));
	close.type = "button";
	close.dataset["dismiss"] = "";
	close.setAttribute("aria-label", gettext("Close"));
	const made = element("div", `toast st-${kind === "error" ? "failed" : "succeeded"}`, icon(kind === "error" ? "bad" : "ok"), element("span", "", text), close);
	made.dataset["toast"] = kind;
	one("[data-toasts]")?.append(made);
	if (kind === "success") window.setTimeout(() => made.remove(), SHOWN_MS);
}
function startToasts() {
	for (const shown of all("[data-toast=\"success\"]")) window.setTimeout(() => shown.remove(), SHOWN_MS);
	document.addEventListener("click", (event) => {
		if (event.target instanceof Element && event.target.closest("[data-dismiss]")) event.target.closest(".toast")?.remove();
	});
}
// src/behaviours/popover.ts
/** Popovers at their button, loaded when they open, and dialogs for long forms.
*
*   <button popovertarget="x">  <div id="x" popover data-anchor="end" data-load="/part/">…</div>
*   <a href="/page/" data-dialog="/page/">    opens the page's form in a dialog; without scripts it is a link
*/
var GAP = 6;
var EDGE = 8;
/** What must be done before a popover or dialog that says data-needs-save loads: the editor saves its draft. */
var before = () => Promise.resolve();
function beforeOpening(run) {
	before = run;
}
function place(popover, button) {
	const at = button.getBoundingClientRect();
	const { offsetWidth: width, offsetHeight: height } = popover;
	const left = popover.dataset["anchor"] === "end" ? at.right - width : at.left;
	const below = at.bottom + GAP;
	const top = below + height > window.innerHeight - EDGE && at.top - GAP - height > EDGE ? at.top - GAP - height : below;
	popover.style.left = `${Math.max(EDGE, Math.min(left, window.innerWidth - width - EDGE))}px`;
	popover.style.top = `${Math.max(EDGE, Math.min(top, window.innerHeight - height - EDGE))}px`;
}
function why$1(error) {
	return error instanceof Error ? error.message : gettext("Offline: this did not reach the server.");
}
function buttonOf(popover) {
	return one(`[popovertarget="${CSS.escape(popover.id)}"]`);
}
async function load(popover, address) {
	try {
		if (popover.hasAttribute("data-needs-save")) await before();
		await htmx.ajax("get", address, {
			target: popover,
			swap: "innerHTML"
		});
	} catch (error) {
		popover.replaceChildren(element("p", "wrong", why$1(error)));
		return;
	}
	const button = buttonOf(popover);
	if (button && popover.matches(":popover-open")) {
		place(popover, button);
		one("[autofocus]", popover)?.focus();
	}
}
async function openDialog(address) {
	const dialog = element("dialog");
	dialog.append(element("div", "pad meta", gettext("Loading …")));
	dialog.addEventListener("close", () => dialog.remove());
	dialog.addEventListener("click", (event) => {
		if (event.target === dialog) dialog.close();
	});
	document.body.append(dialog);
	try {
		await htmx.ajax("get", address, {
			target: dialog,
			swap: "innerHTML"
		});
	} catch {
		dialog.remove();
		return;
	}
	dialog.showModal();
	one("[autofocus], input:not([type=hidden]), select, textarea, button", dialog)?.focus();
}
function startPopovers() {
	document.addEventListener("beforetoggle", (event) => {
		const popover = event.target;
		if (!(popover instanceof HTMLElement) || !popover.hasAttribute("popover") || event.newState !== "open") return;
		const address = popover.dataset["load"];
		if (address) load(popover, address);
		requestAnimationFrame(() => {
			const button = buttonOf(popover);
			if (button) place(popover, button);
			one("[autofocus]", popover)?.focus();
		});
	}, true);
	const replace = () => {
		for (const popover of document.querySelectorAll("[popover]:popover-open")) {
			const button = buttonOf(popover);
			if (button) place(popover, button);
		}
	};
	window.addEventListener("resize", replace);
	window.addEventListener("scroll", replace, {
		passive: true,
		capture: true
	});
	document.addEventListener("click", (event) => {
		if (!(event.target instanceof Element)) return;
		const close = event.target.closest("[data-close]");
		if (close) {
			const popover = close.closest("[popover]");
			const dialog = close.closest("dialog");
			if (popover) popover.hidePopover();
			else if (dialog) dialog.close();
			if (popover || dialog) event.preventDefault();
			return;
		}
		const opens = event.target.closest("[data-dialog]");
		const address = opens?.dataset["dialog"];
		if (opens && address && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
			event.preventDefault();
			(opens.hasAttribute("data-needs-save") ? before() : Promise.resolve()).then(() => openDialog(address), (error) => toast(why$1(error), "error"));
		}
	});
}
// src/behaviours/palette.ts
/** The command palette: type to find workflows, runs, pages and what can be done; arrows choose, Enter does. */
function read$3(value) {
	const results = typeof value === "object" && value !== null && "results" in value ? value.results : null;
	if (!Array.isArray(results)) return [];
	return results.map((entry) => {
		const it = typeof entry === "object" && entry !== null ? entry : {};
		const text = (name) => typeof it[name] === "string" ? it[name] : "";
		return {
			group: text("group"),
			icon: text("icon"),
			text: text("text"),
			hint: text("hint"),
			href: text("href"),
			dialog: text("dialog")
		};
	});
}
function openPalette() {
	const dialog = one("#palette");
	const source = dialog?.dataset["source"];
	if (!dialog || !source || dialog.open) return;
	const field = element("input");
	field.type = "text";
	field.autocomplete = "off";
	field.spellcheck = false;
	field.placeholder = gettext("Find workflows, runs, pages, actions");
	field.setAttribute("role", "combobox");
	field.setAttribute("aria-expanded", "true");
	field.setAttribute("aria-controls", "palette-list");
	field.setAttribute("aria-label", gettext("Find anything"));
	const list = element("ul");
	list.id = "palette-list";
	list.setAttribute("role", "listbox");
	dialog.replaceChildren(element("div", "find", icon("search"), field, element("kbd", "", "Esc")), list);
	let found = [];
	let chosen = 0;
	let asked = 0;
	const choose = (at) => {
		const options = list.querySelectorAll("[role=\"option\"]");
		if (!options.length) return;
		chosen = (at + options.length) % options.length;
		options.forEach((option, place) => {
			option.setAttribute("aria-selected", String(place === chosen));
			if (place === chosen) {
				field.setAttribute("aria-activedescendant", option.id);
				option.scrollIntoView({ block: "nearest" });
			}
		});
	};
	const go = (result) => {
		if (!result) return;
		dialog.close();
		if (result.dialog) openDialog(result.dialog);
		else location.assign(result.href);
	};
	const show = () => {
		list.replaceChildren();
		let group = "";
		found.forEach((result, place) => {
			if (result.group !== group) {
				group = result.group;
				const head = element("li", "group", group);
				head.setAttribute("role", "presentation");
				list.append(head);
			}
			const option = element("li", "", icon(result.icon, true), element("span", "grow cut", result.text), element("span", "faint cut", result.hint));
			option.id = `palette-${place}`;
			option.setAttribute("role", "option");
			option.addEventListener("click", () => go(result));
			option.addEventListener("pointermove", () => {
				if (chosen !== place) choose(place);
			});
			list.append(option);
		});
		if (!found.length) list.append(element("li", "group", gettext("Nothing has that name.")));
		choose(0);
	};
	const ask = async () => {
		const mine = ++asked;
		try {
			const response = await fetch(`${source}?q=${encodeURIComponent(field.value)}`, { headers: { Accept: "application/json" } });
			const results = response.ok ? read$3(await response.json()) : [];
			if (mine === asked) {
				found = results;
				show();
			}
		} catch {
			if (mine === asked) list.replaceChildren(element("li", "group", gettext("Offline: nothing can be searched now.")));
		}
	};
	let timer = 0;
	field.addEventListener("input", () => {
		window.clearTimeout(timer);
		timer = window.setTimeout(() => void ask(), 90);
	});
	field.addEventListener("keydown", (event) => {
		if (event.isComposing) return;
		if (event.key === "ArrowDown") choose(chosen + 1);
		else if (event.key === "ArrowUp") choose(chosen - 1);
		else if (event.key === "Enter") go(found[chosen]);
		else return;
		event.preventDefault();
	});
	dialog.onclick = (event) => {
		if (event.target === dialog) dialog.close();
	};
	dialog.showModal();
	field.focus();
	ask();
}
// src/behaviours/small.ts
/** Behaviours of a line or two: copy a text, send a form when its choice changes, say that a form is on its way. */
function startSmall() {
	document.addEventListener("click", (event) => {
		const from = (event.target instanceof Element ? event.target.closest("[data-copy]") : null)?.dataset["copy"];
		const text = from ? one(from)?.textContent : null;
		if (text) navigator.clipboard.writeText(text).then(() => toast(gettext("Copied.")), () => toast(gettext("The browser does not let pages copy; mark the text and copy it yourself."), "error"));
	});
	document.addEventListener("change", (event) => {
		(event.target instanceof Element ? event.target.closest("[data-submit-on-change]") : null)?.form?.requestSubmit();
	});
	document.addEventListener("submit", (event) => {
		if (event.defaultPrevented || !(event.target instanceof HTMLFormElement)) return;
		const button = event.submitter;
		if (button) window.setTimeout(() => button.classList.add("busy"), 0);
	});
	window.addEventListener("pageshow", (event) => {
		if (event.persisted) for (const button of document.querySelectorAll(".btn.busy")) button.classList.remove("busy");
	});
}
// src/editor/format.ts
var WIDTH$1 = 100;
var ORDER = [
	"schema",
	"inputs",
	"nodes",
	"edges",
	"settings",
	"id",
	"type",
	"name",
	"notes",
	"config",
	"policy",
	"position",
	"source",
	"source_port",
	"target",
	"target_port"
];
function format(value) {
	return write(value, 0);
}
function write(value, indent) {
	const short = inline(value);
	if (!(typeof value === "object" && value !== null) || indent > 0 && short.length <= WIDTH$1 - indent && depth(value) <= 2) return short;
	const inner = " ".repeat(indent + 2);
	if (Array.isArray(value)) {
		if (!value.length) return "[]";
		return `[\n${value.map((one) => inner + write(one, indent + 2)).join(",\n")}\n${" ".repeat(indent)}]`;
	}
	const entries = ordered(value);
	if (!entries.length) return "{}";
	return `{\n${entries.map(([key, one]) => `${inner}${JSON.stringify(key)}: ${write(one, indent + 2)}`).join(",\n")}\n${" ".repeat(indent)}}`;
}
function inline(value) {
	if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
	if (typeof value === "object" && value !== null) {
		const entries = ordered(value);
		return entries.length ? `{ ${entries.map(([key, one]) => `${JSON.stringify(key)}: ${inline(one)}`).join(", ")} }` : "{}";
	}
	return JSON.stringify(value);
}
function ordered(value) {
	const place = (key) => {
		const at = ORDER.indexOf(key);
		return at < 0 ? ORDER.length : at;
	};
	return Object.entries(value).map((entry, at) => ({
		entry,
		at
	})).sort((a, b) => place(a.entry[0]) - place(b.entry[0]) || a.at - b.at).map(({ entry }) => entry);
}
function depth(value) {
	if (typeof value !== "object" || value === null) return 0;
	return 1 + Math.max(0, ...Object.values(value).map((one) => depth(one)));
}
// src/editor/patch.ts
function readChanges(value) {
	if (!Array.isArray(value) || !value.length) return null;
	const changes = [];
	for (const entry of value) {
		if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return null;
		const { op, path } = entry;
		if (typeof op !== "string" || typeof path !== "string" || ![
			"add",
			"replace",
			"remove"
		].includes(op)) return null;
		changes.push("value" in entry ? {
			op,
			path,
			value: entry["value"] ?? null
		} : {
			op,
			path
		});
	}
	return changes;
}
/** Null when a change does not fit the document. */
function patch(document, changes) {
	const whole = structuredClone(document);
	for (const change of changes) {
		const parts = change.path.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
		const last = parts.pop();
		if (last === void 0) return null;
		let at = whole;
		for (const part of parts) at = step$1(at, part);
		if (Array.isArray(at)) {
			const index = last === "-" ? at.length : Number(last);
			if (!Number.isInteger(index) || index < 0 || index > at.length || change.op !== "add" && index >= at.length) return null;
			if (change.op === "remove") at.splice(index, 1);
			else at.splice(index, change.op === "add" ? 0 : 1, change.value ?? null);
		} else if (typeof at === "object" && at !== null) {
			const target = at;
			if (change.op !== "add" && !Object.hasOwn(target, last)) return null;
			if (change.op === "remove") delete target[last];
			else Object.defineProperty(target, last, {
				value: change.value ?? null,
				writable: true,
				enumerable: true,
				configurable: true
			});
		} else return null;
	}
	return whole;
}
function step$1(at, part) {
	if (Array.isArray(at)) return at[Number(part)];
	if (typeof at === "object" && at !== null && Object.hasOwn(at, part)) return at[part];
}
// src/editor/positions.ts
var DEPTH_MAX = 200;
var IDENTIFIER = /^[\p{L}_][\p{L}\p{N}_]*$/u;
var Wrong = class extends Error {
	offset;
	expected;
	constructor(offset, expected) {
		super(expected);
		this.offset = offset;
		this.expected = expected;
	}
};
function keyPath(path, key) {
	if (!IDENTIFIER.test(key)) return `${path}[${JSON.stringify(key)}]`;
	return path ? `${path}.${key}` : key;
}
function read$2(text) {
	const starts = lineStarts(text);
	const places = /* @__PURE__ */ new Map();
	const parser = new Parser(text, (path, start, end) => places.set(path, {
		line: lineAt(starts, start),
		lastLine: lineAt(starts, Math.max(start, end - 1)),
		start,
		end
	}));
	try {
		parser.whole();
		return {
			ok: true,
			places
		};
	} catch (error) {
		if (!(error instanceof Wrong)) throw error;
		const line = lineAt(starts, error.offset);
		return {
			ok: false,
			problem: {
				line,
				column: error.offset - (starts[line - 1] ?? 0) + 1,
				offset: error.offset,
				expected: error.expected
			}
		};
	}
}
/** The place of `path`, else of the nearest thing around it that stands in the text. */
function nearest(places, path) {
	for (let at = path;; at = parent(at)) {
		const found = places.get(at);
		if (found) return found;
		if (!at) return null;
	}
}
function parent(path) {
	const cut = path.endsWith("\"]") ? path.lastIndexOf("[\"") : Math.max(path.lastIndexOf("."), path.lastIndexOf("["));
	return cut <= 0 ? "" : path.slice(0, cut);
}
function lineStarts(text) {
	const starts = [0];
	for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
	return starts;
}
function lineAt(starts, offset) {
	let low = 0;
	let high = starts.length - 1;
	while (low < high) {
		const middle = low + high + 1 >> 1;
		if ((starts[middle] ?? 0) <= offset) low = middle;
		else high = middle - 1;
	}
	return low + 1;
}
var Parser = class {
	text;
	found;
	at = 0;
	constructor(text, found) {
		this.text = text;
		this.found = found;
	}
	whole() {
		this.space();
		this.value("", 0);
		this.space();
		if (this.at < this.text.length) throw new Wrong(this.at, "end");
	}
	value(path, depth) {
		if (depth > DEPTH_MAX) throw new Wrong(this.at, "depth");
		const start = this.at;
		const char = this.text[this.at];
		if (char === "{") this.object(path, depth);
		else if (char === "[") this.array(path, depth);
		else if (char === "\"") this.string();
		else this.literal();
		this.found(path, start, this.at);
	}
	object(path, depth) {
		this.at += 1;
		this.space();
		if (this.text[this.at] === "}") {
			this.at += 1;
			return;
		}
		for (;;) {
			if (this.text[this.at] !== "\"") throw new Wrong(this.at, "key");
			const start = this.at;
			const key = this.string();
			this.space();
			if (this.text[this.at] !== ":") throw new Wrong(this.at, "colon");
			this.at += 1;
			this.space();
			const inner = keyPath(path, key);
			this.value(inner, depth + 1);
			this.found(inner, start, this.at);
			this.space();
			const next = this.text[this.at];
			if (next === ",") {
				this.at += 1;
				this.space();
			} else if (next === "}") {
				this.at += 1;
				return;
			} else throw new Wrong(this.at, "comma-object");
		}
	}
	array(path, depth) {
		this.at += 1;
		this.space();
		if (this.text[this.at] === "]") {
			this.at += 1;
			return;
		}
		for (let index = 0;; index += 1) {
			this.value(`${path}[${index}]`, depth + 1);
			this.space();
			const next = this.text[this.at];
			if (next === ",") {
				this.at += 1;
				this.space();
			} else if (next === "]") {
				this.at += 1;
				return;
			} else throw new Wrong(this.at, "comma-list");
		}
	}
	string() {
		const start = this.at;
		for (this.at += 1;; this.at += 1) {
			const char = this.text[this.at];
			if (char === "\"") break;
			if (char === void 0 || char < " ") throw new Wrong(char === void 0 ? start : this.at, "string");
			if (char === "\\") {
				const next = this.text[this.at + 1];
				if (next === "u") {
					if (!/^[0-9a-fA-F]{4}$/.test(this.text.slice(this.at + 2, this.at + 6))) throw new Wrong(this.at, "escape");
					this.at += 5;
				} else if (next !== void 0 && "\"\\/bfnrt".includes(next)) this.at += 1;
				else throw new Wrong(this.at, "escape");
			}
		}
		this.at += 1;
		return JSON.parse(this.text.slice(start, this.at));
	}
	literal() {
		const rest = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/.exec(this.text.slice(this.at, this.at + 400));
		if (!rest) throw new Wrong(this.at, "value");
		this.at += rest[0].length;
	}
	space() {
		while (this.at < this.text.length && " 	\r\n".includes(this.text[this.at] ?? "")) this.at += 1;
	}
};
// src/editor/main.ts
/** The definition as text: checked as it is typed, every problem linked to its line, saved as the person's draft.
*
* A save names the count of saves that it builds on; when another tab was first, nothing is written over and the
* page says so. Text that is no JSON cannot be a draft: it is kept in this browser until it is.
*/
var LINE = 19;
var PAD = 10;
var SAVE_MS = 800;
var CHECK_MS = 300;
function readProblem(value) {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
	const fix = value["fix"];
	const changes = typeof fix === "object" && fix !== null && !Array.isArray(fix) ? readChanges(fix["changes"]) : null;
	const label = typeof fix === "object" && fix !== null && !Array.isArray(fix) && typeof fix["label"] === "string" ? fix["label"] : "";
	return {
		message: typeof value["message"] === "string" ? value["message"] : "",
		path: typeof value["path"] === "string" ? value["path"] : "",
		severity: value["severity"] === "warning" ? "warning" : "error",
		line: typeof value["line"] === "number" ? value["line"] : null,
		fix: changes && label ? {
			label,
			changes
		} : null
	};
}
var problemsOf = (value) => Array.isArray(value) ? value.flatMap((entry) => readProblem(entry) ?? []) : [];
function expectedSaid(expected) {
	switch (expected) {
		case "key": return gettext("Expected a field name in double quotes. Is there a comma too many before?");
		case "colon": return gettext("Expected a colon after the field name.");
		case "comma-object": return gettext("Expected a comma or the closing } here.");
		case "comma-list": return gettext("Expected a comma or the closing ] here.");
		case "string": return gettext("This text has no closing quote on its line. Write a line break inside text as \\n.");
		case "escape": return gettext("After \\ in text comes one of \" \\ / b f n r t or u with four hex digits.");
		case "end": return gettext("The document ends before this. Remove what follows.");
		case "depth": return gettext("This nests too deeply.");
		default: return gettext("Expected a value: an object, a list, text in double quotes, a number, true, false or null.");
	}
}
function startEditor(root) {
	const area = one("textarea", root);
	const gutter = one("[data-gutter]", root);
	const host = one("[data-text]", root);
	const list = one("[data-problem-list]");
	if (!area || !gutter || !host || !list) return;
	const editor = new Editor(root.dataset["slug"] ?? "", root.dataset["user"] ?? "", Number(root.dataset["saves"] ?? 0), area, gutter, host, list);
	const first = one("#first-problems")?.textContent;
	editor.start(problemsOf(first ? JSON.parse(first) : []));
}
var Editor = class {
	slug;
	user;
	saves;
	area;
	gutter;
	host;
	list;
	savedText;
	saving = null;
	stale = false;
	problems = [];
	shown = [];
	checkedText = "";
	checks = 0;
	marks = [];
	lines = 0;
	soonSave = debounced(SAVE_MS, () => void this.save());
	soonCheck = debounced(CHECK_MS, () => void this.check());
	constructor(slug, user, saves, area, gutter, host, list) {
		this.slug = slug;
		this.user = user;
		this.saves = saves;
		this.area = area;
		this.gutter = gutter;
		this.host = host;
		this.list = list;
		this.savedText = area.value;
	}
	start(problems) {
		this.recover();
		this.checkedText = this.area.value;
		this.problems = problems;
		this.number();
		this.show();
		if (this.area.value !== this.savedText) this.changed();
		this.area.addEventListener("input", () => this.changed());
		this.area.addEventListener("scroll", () => this.scrolled(), { passive: true });
		this.area.addEventListener("keydown", (event) => this.key(event));
		new ResizeObserver(() => this.scrolled()).observe(this.area);
		one("[data-format]")?.addEventListener("click", () => this.reformat());
		one("[data-problem-count]")?.addEventListener("click", () => this.go(this.shown[0]));
		beforeOpening(() => this.settle());
		window.addEventListener("beforeunload", (event) => {
			if (this.area.value !== this.savedText) event.preventDefault();
		});
		document.addEventListener("visibilitychange", () => {
			if (document.hidden) this.save();
		});
		document.addEventListener("keydown", (event) => {
			if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
				event.preventDefault();
				this.save();
			}
		});
	}
	get keepsake() {
		return `interlock.draft.${this.user}.${this.slug}`;
	}
	/** Text that was no JSON when the page was left comes back. */
	recover() {
		try {
			const kept = localStorage.getItem(this.keepsake);
			if (kept !== null && kept !== this.area.value) {
				this.area.value = kept;
				toast(gettext("What you typed last is back; it was not JSON yet, so it was kept in this browser only."));
			}
		} catch {}
	}
	keep(text) {
		try {
			if (text === null) localStorage.removeItem(this.keepsake);
			else localStorage.setItem(this.keepsake, text);
		} catch {}
	}
	changed() {
		this.number();
		this.status(gettext("Not saved yet"));
		this.soonSave();
		this.soonCheck();
		if (!read$2(this.area.value).ok) this.keep(this.area.value);
		this.show();
	}
	/** Saved and checked: what must hold before the draft is run or published. */
	async settle() {
		await this.save();
		if (this.area.value !== this.savedText) throw new Error(gettext("The draft is not saved."));
	}
	async save() {
		while (this.saving) await this.saving;
		const text = this.area.value;
		if (text === this.savedText || this.stale) return;
		const found = read$2(text);
		const document = found.ok ? JSON.parse(text) : null;
		if (!found.ok || typeof document !== "object" || document === null || Array.isArray(document)) {
			this.status(gettext("Not saved: this is not JSON yet"), true);
			return;
		}
		this.status(gettext("Saving …"));
		this.saving = this.put(text, document);
		try {
			await this.saving;
		} finally {
			this.saving = null;
		}
	}
	async put(text, document) {
		try {
			const answer = await call("PUT", `/api/v1/workflows/${encodeURIComponent(this.slug)}/draft/`, { definition: document }, { "If-Match": `"${this.saves}"` });
			const tag = /^"(\d+)"$/.exec(answer.etag ?? "");
			this.saves = tag ? Number(tag[1]) : this.saves + 1;
			this.savedText = text;
			this.keep(null);
			if (this.area.value === text) this.status(gettext("Saved"));
		} catch (error) {
			if (error instanceof ApiError && error.status === 412) this.someoneSaved();
			else if (error instanceof ApiError) this.status(fill(gettext("Not saved: {why}"), { why: error.message }), true);
			else {
				this.status(gettext("Not saved: offline. It is tried again."), true);
				window.setTimeout(this.soonSave, 4e3);
			}
		}
	}
	someoneSaved() {
		this.stale = true;
		this.keep(this.area.value);
		this.status(gettext("Not saved: another tab saved first"), true);
		const load = element("a", "btn small", gettext("Load what is saved"));
		load.href = location.pathname;
		load.addEventListener("click", () => {
			this.keep(null);
			this.savedText = this.area.value;
		});
		const mine = element("button", "btn small", gettext("Save this text instead"));
		mine.type = "button";
		const box = element("section", "", element("div", "cause st-stuck", element("div", "row top-aligned", icon("warn"), element("span", "lead", gettext("Your draft was saved from another tab"))), element("p", "dim", gettext("Nothing was written over. Your text here stays as it is.")), element("div", "row wrap", load, mine)));
		mine.addEventListener("click", () => void this.takeOver(box));
		this.list.before(box);
	}
	async takeOver(box) {
		try {
			const tag = /^"(\d+)"$/.exec((await call("GET", `/api/v1/workflows/${encodeURIComponent(this.slug)}/draft/`)).etag ?? "");
			if (tag) this.saves = Number(tag[1]);
			this.stale = false;
			box.remove();
			await this.save();
		} catch {
			toast(gettext("Offline: nothing was saved."), "error");
		}
	}
	async check() {
		const text = this.area.value;
		if (text === this.checkedText) return;
		if (!read$2(text).ok) return;
		const mine = ++this.checks;
		try {
			const answer = await call("POST", `/api/v1/workflows/${encodeURIComponent(this.slug)}/validate/`, { definition: JSON.parse(text) });
			if (mine !== this.checks) return;
			this.checkedText = text;
			this.problems = problemsOf(answer.body["problems"]);
			setText(one("[data-checked]"), "");
			this.show();
		} catch (error) {
			if (mine === this.checks) setText(one("[data-checked]"), error instanceof ApiError ? error.message : gettext("Not checked: offline"));
		}
	}
	show() {
		const text = this.area.value;
		const found = read$2(text);
		if (found.ok) this.shown = this.problems.map((problem) => ({
			...problem,
			place: nearest(found.places, problem.path)
		}));
		else {
			const { line, column, offset, expected } = found.problem;
			const message = fill(gettext("Line {line}, column {column}: {what}"), {
				line,
				column,
				what: expectedSaid(expected)
			});
			this.shown = [{
				message,
				path: "",
				severity: "error",
				line: null,
				fix: null,
				place: {
					line,
					lastLine: line,
					start: offset,
					end: offset
				}
			}];
		}
		this.shown.sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0));
		this.drawList();
		this.drawMarks();
	}
	drawList() {
		const items = this.shown.slice(0, 200).map((problem) => {
			const where = [];
			if (problem.place) where.push(element("span", "meta", fill(gettext("line {n}"), { n: problem.place.line })));
			if (problem.line !== null) where.push(element("span", "meta", fill(gettext("line {n} of its text"), { n: problem.line })));
			if (problem.path) where.push(element("span", "mono faint anywhere", visible(problem.path)));
			const row = element("div", `problem st-${problem.severity === "warning" ? "stuck" : "failed"}`, icon(problem.severity === "warning" ? "warn" : "bad", true), element("button", "say", visible(problem.message)), element("div", "where row wrap", ...where));
			const say = row.querySelector("button");
			if (say) {
				say.type = "button";
				say.addEventListener("click", () => this.go(problem));
			}
			if (problem.fix) {
				const fix = problem.fix;
				const button = element("button", "btn small", visible(fix.label));
				button.type = "button";
				button.addEventListener("click", () => this.repair(fix.changes));
				row.append(element("div", "where", button));
			}
			return row;
		});
		if (!items.length) items.push(element("div", "empty small", icon("ok"), element("b", "", gettext("No problems")), element("p", "", gettext("It can be published and run."))));
		else if (this.shown.length > 200) items.push(element("div", "pad meta", fill(gettext("and {n} more"), { n: this.shown.length - 200 })));
		this.list.replaceChildren(...items);
		const errors = this.shown.filter((problem) => problem.severity === "error").length;
		const warnings = this.shown.length - errors;
		const chip = one("[data-problem-count]");
		if (chip) {
			const words = errors ? fill(ngettext("{n} problem", "{n} problems", errors), { n: errors }) : warnings ? fill(ngettext("{n} warning", "{n} warnings", warnings), { n: warnings }) : gettext("No problems");
			setAttribute(chip, "class", `chip ${errors ? "st-failed" : warnings ? "st-stuck" : "st-succeeded"}`);
			chip.replaceChildren(icon(this.shown.length ? "warn" : "ok"), element("span", "", words));
		}
	}
	number() {
		const lines = lineStarts(this.area.value).length;
		if (lines === this.lines) return;
		this.lines = lines;
		const column = document.createDocumentFragment();
		for (let n = 1; n <= lines; n += 1) column.append(element("span", "", String(n)));
		this.gutter.replaceChildren(column);
		this.scrolled();
	}
	drawMarks() {
		for (const mark of this.marks) mark.remove();
		this.marks = [];
		for (const number of this.gutter.querySelectorAll(".has")) number.className = "";
		const seen = /* @__PURE__ */ new Set();
		for (const problem of this.shown) {
			const line = problem.place?.line;
			if (!line || seen.has(line) || seen.size > 300) continue;
			seen.add(line);
			const number = this.gutter.children[line - 1];
			if (number) number.className = `has ${problem.severity}`;
			const mark = element("div", `mark ${problem.severity}`);
			mark.dataset["line"] = String(line);
			this.host.prepend(mark);
			this.marks.push(mark);
		}
		this.scrolled();
	}
	scrolled() {
		this.gutter.scrollTop = this.area.scrollTop;
		for (const mark of this.marks) mark.style.top = `${PAD + (Number(mark.dataset["line"]) - 1) * LINE - this.area.scrollTop}px`;
	}
	go(problem) {
		const place = problem?.place;
		if (!place) return;
		this.area.focus();
		const end = place.lastLine === place.line ? place.end : place.start;
		this.area.setSelectionRange(place.start, end);
		this.area.scrollTop = Math.max(0, PAD + (place.line - 1) * LINE - this.area.clientHeight / 3);
		this.area.scrollLeft = 0;
	}
	repair(changes) {
		const changed = read$2(this.area.value).ok ? patch(JSON.parse(this.area.value), changes) : null;
		if (changed === null) toast(gettext("The text has changed since: the repair does not fit any more."), "error");
		else this.replace(format(changed));
	}
	reformat() {
		one("#edit-more")?.hidePopover();
		if (!read$2(this.area.value).ok) {
			toast(gettext("This is not JSON yet: repair it first."), "error");
			return;
		}
		this.replace(format(JSON.parse(this.area.value)));
	}
	/** Through the browser's own editing, so that Ctrl Z takes it back. */
	replace(text) {
		if (text === this.area.value) return;
		this.area.focus();
		this.area.select();
		if (!document.execCommand("insertText", false, text)) {
			this.area.value = text;
			this.changed();
		}
		this.area.setSelectionRange(0, 0);
		this.area.scrollTop = 0;
	}
	/** Tab indents and Escape leaves, so that the keyboard is never caught; Enter keeps the indent. */
	key(event) {
		if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
		const { selectionStart: start, selectionEnd: end, value } = this.area;
		if (event.key === "Escape") one("[data-problem-count]")?.focus();
		else if (event.key === "Tab" && !event.shiftKey) {
			event.preventDefault();
			document.execCommand("insertText", false, "  ");
		} else if (event.key === "Enter" && start === end) {
			const line = value.slice(value.lastIndexOf("\n", start - 1) + 1, start);
			const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
			const deeper = /[[{]\s*$/.test(line) ? "  " : "";
			if (!indent && !deeper) return;
			event.preventDefault();
			document.execCommand("insertText", false, `\n${indent}${deeper}`);
		}
	}
	status(text, wrong = false) {
		const place = one("[data-saved]");
		setText(place, text);
		place?.classList.toggle("bad", wrong);
		setHidden(place, false);
	}
};
// src/behaviours/morph.ts
/** Brings a part of the page to what the server says now, changing only what differs.
*
* Elements are matched by id or data-key, else by place. Open popovers and dialogs, the field in use and what is
* marked data-keep are left alone, so a live page never takes away what somebody is doing.
*/
function morph(from, to) {
	if (kept(from)) return;
	attributes(from, to);
	children(from, to);
}
function kept(element) {
	if (element.hasAttribute("data-keep")) return true;
	if (element.hasAttribute("popover") && element.matches(":popover-open")) return true;
	if (element instanceof HTMLDialogElement && element.open) return true;
	return element === document.activeElement && /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
}
function attributes(from, to) {
	for (const { name, value } of [...to.attributes]) if (from.getAttribute(name) !== value && !own(from, name)) from.setAttribute(name, value);
	for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && !own(from, name)) from.removeAttribute(name);
}
function own(element, name) {
	if (name === "open" && element instanceof HTMLDetailsElement) return true;
	return name === "data-full" || name === "title" && element.tagName === "TIME" || name === "data-loaded" || name === "style" && element.hasAttribute("popover");
}
function keyOf$1(node) {
	return node instanceof Element ? node.id || node.getAttribute("data-key") : null;
}
function children(from, to) {
	if (from.matches("time[data-form]") && from.getAttribute("datetime") === to.getAttribute("datetime")) return;
	if (from.matches("[data-until]") && from.getAttribute("data-until") === to.getAttribute("data-until")) return;
	if (from.matches("[data-since]") && from.getAttribute("data-since") === to.getAttribute("data-since")) return;
	const keyed = /* @__PURE__ */ new Map();
	for (const child of from.children) {
		const key = keyOf$1(child);
		if (key) keyed.set(key, child);
	}
	let at = from.firstChild;
	for (const wanted of [...to.childNodes]) {
		const key = keyOf$1(wanted);
		const match = key ? keyed.get(key) ?? null : null;
		if (match && match.tagName === wanted.tagName) {
			if (match === at) at = at.nextSibling;
			else from.insertBefore(match, at);
			morph(match, wanted);
			keyed.delete(key ?? "");
			continue;
		}
		if (!key && at && !keyOf$1(at) && sameKind(at, wanted)) {
			const next = at.nextSibling;
			if (at instanceof Element) morph(at, wanted);
			else if (at.nodeValue !== wanted.nodeValue) at.nodeValue = wanted.nodeValue;
			at = next;
			continue;
		}
		from.insertBefore(document.importNode(wanted, true), at);
	}
	while (at) {
		const next = at.nextSibling;
		if (!(at instanceof Element) || !kept(at)) at.remove();
		at = next;
	}
}
function sameKind(a, b) {
	return a.nodeType === b.nodeType && a.nodeName === b.nodeName;
}
// src/live/dot.ts
/** The dot in the bar and the line under it: they say what the socket knows, never more. */
var signedOut = false;
/** Sockets do not say why they are refused: a page that leads to the sign-in says that the session is over. */
async function look() {
	try {
		const response = await fetch("/find/?q=", {
			redirect: "manual",
			credentials: "same-origin"
		});
		signedOut = response.type === "opaqueredirect" || response.status === 401;
	} catch {
		signedOut = false;
	}
}
function showLive(state) {
	const dot = one("[data-live]");
	setAttribute(dot, "data-state", state.kind);
	const text = one("span", dot ?? document);
	const notice = one("[data-offline-notice]");
	if (state.kind === "live") signedOut = false;
	if (state.kind === "live") setText(text, gettext("Live"));
	else if (state.kind === "connecting") setText(text, gettext("Connecting"));
	else if (state.kind === "behind") setText(text, fill(gettext("{n} s behind"), { n: Math.round(state.seconds) }));
	else setText(text, gettext("Offline"));
	const long = state.kind === "offline" && state.tries > 1;
	setHidden(notice, !long);
	if (long) {
		const since = state.since.toLocaleTimeString(document.documentElement.lang, {
			hour: "2-digit",
			minute: "2-digit",
			second: "2-digit",
			hourCycle: "h23"
		});
		if (signedOut) {
			setText(one("[data-offline-text]"), gettext("You are signed out. Load the page again to sign in."));
			return;
		}
		if (state.tries === 3) look();
		setText(one("[data-offline-text]"), fill(gettext("Offline since {time}, tried {n} times: what you see may be old."), {
			time: since,
			n: state.tries
		}));
	}
}
// src/live/socket.ts
/** A socket that comes back by itself and says truthfully whether it is current.
*
* The server sends only when something changes, so silence proves nothing: after `probeSeconds` of it the client
* says hello again, which is always answered. No answer within `answerSeconds` counts as offline.
*/
var PULSE_SECONDS = 2;
/** A pulse that comes so late means that the machine slept (a hidden tab's timers are late too, and are not asked). */
var SLEPT_SECONDS = 10;
/** How long an answer may take after a sleep, or when the tab is shown again. */
var AWAKE_SECONDS = 3;
/** Seconds until the next try: doubling from half a second to 15 s, spread so that not all browsers come at once. */
function backoff(tries, random) {
	return Math.min(15, .5 * 2 ** Math.min(tries, 8)) * (.5 + random());
}
var Live = class {
	options;
	socket = null;
	tries = 0;
	lost = null;
	timer = 0;
	watch = 0;
	ended = false;
	pulse;
	beat = Date.now();
	constructor(options) {
		this.options = options;
		window.addEventListener("online", this.retryNow);
		window.addEventListener("offline", this.dropped);
		document.addEventListener("visibilitychange", this.retryNow);
		this.options.state({ kind: "connecting" });
		this.pulse = window.setInterval(this.awake, 1e3 * PULSE_SECONDS);
		this.connect();
	}
	/** Says hello (again): the answer brings what is missing. */
	hello(answerSeconds = this.options.answerSeconds ?? 6) {
		if (this.socket?.readyState !== WebSocket.OPEN) return;
		this.socket.send(JSON.stringify(this.options.hello()));
		this.expect(answerSeconds);
	}
	/** Says hello after `seconds` of silence, sooner than usual: what came last may not have been all. */
	helloIn(seconds) {
		if (this.socket) this.expectProbe(seconds);
	}
	close() {
		this.ended = true;
		window.clearTimeout(this.timer);
		window.clearTimeout(this.watch);
		window.clearInterval(this.pulse);
		window.removeEventListener("online", this.retryNow);
		window.removeEventListener("offline", this.dropped);
		document.removeEventListener("visibilitychange", this.retryNow);
		this.socket?.close();
	}
	connect() {
		window.clearTimeout(this.timer);
		const address = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${this.options.path}`;
		const socket = this.options.open ? this.options.open(address) : new WebSocket(address);
		this.socket = socket;
		this.expect(this.options.answerSeconds ?? 6);
		socket.onopen = () => {
			if (socket === this.socket) this.hello();
		};
		socket.onmessage = (event) => {
			if (socket !== this.socket || typeof event.data !== "string") return;
			const message = parse(event.data);
			if (!message) return;
			this.tries = 0;
			this.lost = null;
			this.expectProbe();
			this.options.message(message);
		};
		socket.onclose = (event) => {
			if (socket !== this.socket) return;
			if (event.code === 4401 || event.code === 4403 || event.code === 4404) {
				this.options.refused?.(event.code);
				this.options.state({
					kind: "offline",
					since: this.lost ?? /* @__PURE__ */ new Date(),
					tries: this.tries
				});
				this.ended = true;
				window.clearTimeout(this.watch);
				return;
			}
			this.again();
		};
	}
	again() {
		window.clearTimeout(this.watch);
		this.socket = null;
		if (this.ended) return;
		this.lost ??= /* @__PURE__ */ new Date();
		this.tries += 1;
		this.options.state({
			kind: "offline",
			since: this.lost,
			tries: this.tries
		});
		window.clearTimeout(this.timer);
		this.timer = window.setTimeout(() => this.connect(), 1e3 * backoff(this.tries - 1, this.options.random ?? Math.random));
	}
	expect(seconds) {
		window.clearTimeout(this.watch);
		this.watch = window.setTimeout(this.dropped, 1e3 * seconds);
	}
	expectProbe(seconds = this.options.probeSeconds ?? 15) {
		window.clearTimeout(this.watch);
		this.watch = window.setTimeout(() => this.hello(), 1e3 * seconds);
	}
	/** After a sleep the socket looks open and may be dead: until it answers, nothing is known to be current. */
	awake = () => {
		const slept = (Date.now() - this.beat) / 1e3;
		this.beat = Date.now();
		if (slept < SLEPT_SECONDS || this.ended || document.hidden) return;
		if (this.socket?.readyState === WebSocket.OPEN) {
			this.options.state({ kind: "connecting" });
			this.hello(AWAKE_SECONDS);
		} else if (!this.socket) this.connect();
	};
	dropped = () => {
		const socket = this.socket;
		if (!socket) return;
		this.socket = null;
		socket.onclose = socket.onmessage = socket.onopen = null;
		socket.close();
		this.again();
	};
	retryNow = () => {
		if (this.ended || document.hidden) return;
		this.awake();
		if (this.socket) this.hello(AWAKE_SECONDS);
		else this.connect();
	};
};
// src/live/parts.ts
/** Pages of lists stay current: when the overview's socket says that something changed, the marked parts are asked
* for again and only what differs is touched.
*
*   <div id="run-list" data-live-part="/runs/?state=open">
*/
var LEAST_MS = 1200;
async function refresh() {
	if (document.hidden) {
		stale = true;
		return;
	}
	stale = false;
	const parts = all("[data-live-part]");
	if (!parts.length) return;
	const address = location.pathname + location.search;
	let response;
	try {
		response = await fetch(address, {
			headers: { Accept: "text/html" },
			credentials: "same-origin"
		});
	} catch {
		return;
	}
	if (!response.ok || response.redirected || location.pathname + location.search !== address) return;
	const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
	for (const part of parts) {
		const fresh = part.id ? parsed.getElementById(part.id) : null;
		if (fresh && part.isConnected) {
			morph(part, fresh);
			refreshTimes(part);
		}
	}
}
var stale = false;
function startParts() {
	const soon = throttled(LEAST_MS, () => void refresh());
	let first = true;
	new Live({
		path: "/ws/overview/",
		hello: () => ({ type: "hello" }),
		state: (state) => {
			showLive(state);
			if (state.kind === "offline") first = false;
		},
		message: (raw) => {
			const message = readOverviewMessage(raw);
			if (!message) return;
			showLive({ kind: "live" });
			if (message.type === "changes" || !first) soon();
			first = false;
		}
	});
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden && stale) soon();
	});
}
// src/live/lag.ts
/** Whether what a page knows of a run is current, from when things happened and when they were told. Pure.
*
* An event that is told late does not mean that more is to come: after a cut the answer to a hello tells of what happened
* long ago, and with it the page is current. Only events that come late by themselves mean that the page is behind.
*/
var BEHIND_SECONDS = 3;
/** An answer with at least so many events may be the first of several. */
var LARGE = 5e3;
var Lag = class {
	asked = false;
	/** A hello was said: its answer tells all that was missed. */
	hello() {
		this.asked = true;
	}
	/** Seconds behind after a message with `events` events, the newest of which happened at `newestAt` (ISO; null when
	* there was none); 0: current. `now` by the server's clock, in ms. */
	heard(newestAt, events, now) {
		const answer = this.asked;
		this.asked = false;
		if (newestAt === null || answer && events < LARGE) return 0;
		const late = (now - Date.parse(newestAt)) / 1e3;
		return late > BEHIND_SECONDS ? late : 0;
	}
};
// src/run/address.ts
/** What the address of a run's page says: the chosen node, the tab of its panel, the open part of the drawer.
*
*   /runs/7/nodes/join_weather/?tab=output&drawer=logs
*
* It is replaced, never added to: the browser's "back" leaves the run.
*/
/** The value of a part of the query; empty: not said. */
function readQuery(name) {
	return new URLSearchParams(location.search).get(name) ?? "";
}
/** Keeps `value` under `name` in the address; empty: leaves it out. */
function keepQuery(name, value) {
	const query = new URLSearchParams(location.search);
	if (value) query.set(name, value);
	else query.delete(name);
	replace(location.pathname, query);
}
/** Keeps the chosen node in the address; the tab of its panel was another node's and goes. */
function keepChosen(run, node) {
	const query = new URLSearchParams(location.search);
	query.delete("tab");
	query.delete("node");
	replace(node ? `/runs/${run}/nodes/${node}/` : `/runs/${run}/`, query);
}
function replace(path, query) {
	const asked = query.toString();
	const wanted = asked ? `${path}?${asked}` : path;
	if (wanted !== location.pathname + location.search) history.replaceState(history.state, "", wanted);
}
// src/run/drawer.ts
/** The drawer: one part of it is shown at a time, by tabs; a part starts when it is first shown. It is as high as it was
* last left, by mouse or keyboard, and folds to its tabs.
*
* On a narrow page there is one column: the panel follows the graph, then all nodes, then the drawer with what is left.
*/
var PARTS = [
	"logs",
	"timeline",
	"nodes",
	"inputs",
	"events"
];
var HEIGHT_KEY = "interlock.drawer.height";
var FOLDED_KEY = "interlock.drawer.folded";
var USUAL = 280;
var LEAST = 120;
/** What stays of the graph above it, with the page's head. */
var ABOVE = 220;
var STEP$1 = 24;
function isPart(name) {
	return PARTS.includes(name);
}
var Drawer = class {
	root;
	starts;
	started = /* @__PURE__ */ new Set();
	narrow = window.matchMedia("(max-width: 900px)");
	shown = "logs";
	height = USUAL;
	folded = false;
	constructor(root, starts) {
		this.root = root;
		this.starts = starts;
		for (const tab of this.tabs()) tab.addEventListener("click", () => this.show(tab.dataset["drawer"] ?? ""));
		one(".drawbar [role=\"tablist\"]", root)?.addEventListener("keydown", (event) => this.key(event));
		one("[data-drawer-fold]", root)?.addEventListener("click", () => this.fold(!this.folded));
		this.grip();
		this.resize(Number(read$1(HEIGHT_KEY)) || USUAL);
		this.fold(read$1(FOLDED_KEY) === "1");
		this.narrow.addEventListener("change", () => this.lay());
		const asked = readQuery("drawer");
		this.shown = isPart(asked) ? asked : "logs";
		this.lay();
	}
	get current() {
		return this.shown;
	}
	/** Shows a part, unfolding the drawer; a name that is none shows the logs. */
	show(name) {
		this.fold(false);
		this.turn(name);
	}
	turn(name) {
		const asked = isPart(name) ? name : "logs";
		const apart = this.narrow.matches;
		const part = apart && asked === "nodes" ? "logs" : asked;
		this.shown = part;
		for (const tab of this.tabs()) {
			const on = tab.dataset["drawer"] === part;
			setAttribute(tab, "aria-selected", String(on));
			setAttribute(tab, "tabindex", on ? "0" : "-1");
			setHidden(tab, apart && tab.dataset["drawer"] === "nodes");
		}
		for (const each of PARTS) {
			const on = each === part || apart && each === "nodes";
			setHidden(one(`#drawer-${each}`, this.root), !on);
			for (const tools of all(`[data-tools-of="${each}"]`, this.root)) setHidden(tools, !on);
			if (on) this.start(each);
		}
		keepQuery("drawer", asked === "logs" ? "" : asked);
	}
	start(part) {
		if (this.started.has(part)) return;
		this.started.add(part);
		this.starts[part]?.();
	}
	/** Puts the parts in the order in which they are read on this width: what is seen next is reached next. */
	lay() {
		const drawer = one(".drawer", this.root);
		const panel = one("[data-panel]", this.root);
		const nodes = one("#drawer-nodes", this.root);
		const tools = one("[data-tools-of=\"nodes\"]", this.root);
		if (drawer && panel && nodes && tools) {
			if (this.narrow.matches) {
				drawer.before(panel, nodes);
				nodes.prepend(tools);
			} else if (!drawer.contains(nodes)) {
				drawer.append(nodes);
				drawer.after(panel);
				one(".drawfold", drawer)?.before(tools);
			}
		}
		this.turn(this.shown);
	}
	tabs() {
		return all("[data-drawer]", this.root);
	}
	key(event) {
		const tabs = this.tabs().filter((tab) => !tab.hidden);
		const at = tabs.findIndex((tab) => tab.dataset["drawer"] === this.shown);
		const to = {
			ArrowRight: at + 1,
			ArrowLeft: at - 1,
			Home: 0,
			End: tabs.length - 1
		}[event.key];
		if (to === void 0) return;
		event.preventDefault();
		const tab = tabs[(to + tabs.length) % tabs.length];
		this.show(tab?.dataset["drawer"] ?? "");
		tab?.focus();
	}
	get most() {
		return Math.max(LEAST, window.innerHeight - ABOVE);
	}
	resize(height) {
		this.height = Math.round(Math.max(LEAST, Math.min(height, this.most)));
		this.root.style.setProperty("--drawer", `${this.height}px`);
		const grip = one("[data-drawer-grip]", this.root);
		setAttribute(grip, "aria-valuenow", String(this.height));
		setAttribute(grip, "aria-valuemin", String(LEAST));
		setAttribute(grip, "aria-valuemax", String(this.most));
	}
	fold(folded) {
		if (folded === this.folded) return;
		this.folded = folded;
		this.root.classList.toggle("folded", folded);
		setAttribute(one("[data-drawer-fold]", this.root), "aria-expanded", String(!folded));
		keep(FOLDED_KEY, folded ? "1" : "");
	}
	grip() {
		const grip = one("[data-drawer-grip]", this.root);
		if (!grip) return;
		let from = null;
		grip.addEventListener("pointerdown", (event) => {
			from = {
				y: event.clientY,
				height: this.folded ? LEAST : this.height
			};
			grip.setPointerCapture(event.pointerId);
			event.preventDefault();
		});
		grip.addEventListener("pointermove", (event) => {
			if (!from) return;
			this.fold(false);
			this.resize(from.height + from.y - event.clientY);
		});
		const done = () => {
			if (from) keep(HEIGHT_KEY, String(this.height));
			from = null;
		};
		grip.addEventListener("pointerup", done);
		grip.addEventListener("pointercancel", done);
		grip.addEventListener("dblclick", () => this.fold(!this.folded));
		grip.addEventListener("keydown", (event) => {
			const to = {
				ArrowUp: this.height + STEP$1,
				ArrowDown: this.height - STEP$1,
				Home: LEAST,
				End: this.most
			}[event.key];
			if (event.key === "Enter") this.fold(!this.folded);
			else if (to !== void 0) {
				this.fold(false);
				this.resize(to);
				keep(HEIGHT_KEY, String(this.height));
			} else return;
			event.preventDefault();
		});
		window.addEventListener("resize", () => this.resize(this.height));
	}
};
function read$1(key) {
	try {
		return localStorage.getItem(key) ?? "";
	} catch (error) {
		if (error instanceof DOMException) return "";
		throw error;
	}
}
function keep(key, value) {
	try {
		localStorage.setItem(key, value);
	} catch (error) {
		if (!(error instanceof DOMException)) throw error;
	}
}
// src/run/steps.ts
/** Steps kept while new ones come. */
var KEPT = 2e4;
/** Steps kept when somebody reads back: as many as are worth having in a page. */
var READ_BACK = 1e5;
var Steps = class {
	node;
	all = [];
	/** Whether nothing earlier is to be had. */
	complete = false;
	/** Earlier ones are asked for below this number; null: below the first. */
	before = null;
	constructor(node) {
		this.node = node;
	}
	get size() {
		return this.all.length;
	}
	at(index) {
		return this.all[index];
	}
	/** Adds newer steps; known ones and those of other nodes are left out. Returns how many were added, and how many went
	* from the beginning; `keep`: none goes, for somebody reads there. */
	append(steps, keep = false) {
		const last = this.all.at(-1)?.seq ?? -1;
		let added = 0;
		for (const step of steps) {
			if (step.seq <= last || this.node && step.node !== this.node) continue;
			this.all.push(step);
			added += 1;
		}
		const most = keep ? READ_BACK : KEPT;
		const dropped = this.all.length > most * 1.1 ? this.all.length - most : 0;
		if (dropped) {
			this.all.splice(0, dropped);
			this.complete = false;
			this.before = null;
		}
		return {
			added,
			dropped
		};
	}
	/** Adds earlier steps, oldest first, and where those before them begin; null: there are none. Returns how many. */
	prepend(steps, before) {
		const first = this.all[0]?.seq ?? Number.MAX_SAFE_INTEGER;
		const older = steps.filter((step) => step.seq < first);
		this.all = older.concat(this.all);
		this.before = before;
		this.complete = before === null;
		return older.length;
	}
	/** The number below which earlier ones are asked for; null: the newest. */
	get below() {
		return this.before ?? this.all[0]?.seq ?? null;
	}
};
// src/run/reach.ts
/** Where a long list stands, also one that is taller than a browser can lay out. Pure.
*
* Chromium ends at 33 million pixels, Firefox at 17. Above `MAX` the element is less tall than the list: a small
* movement (wheel, keys, touch) moves the list by as much, a large one (the scroll bar) in proportion. What the two then
* differ by is put right when the scrolling rests, or at once at an end of the element; the list does not move by that.
*/
var MAX = 8e6;
/** Up to here a movement is a person's wheel or keys; a pixel of the scroll bar is far more. */
var STEP = 4e3;
var Reach = class {
	max;
	/** Height of the list, and of what is seen of it. */
	total = 0;
	view = 0;
	at = 0;
	scrolledTo = 0;
	constructor(max = MAX) {
		this.max = max;
	}
	/** How tall the element is. */
	get height() {
		return Math.min(this.total, this.max);
	}
	/** What of the list is at the upper edge. */
	get top() {
		return this.at;
	}
	get end() {
		return Math.max(0, this.total - this.view);
	}
	/** What is to be taken from a place in the list to have the place in the element. */
	get offset() {
		return this.at - this.scrolledTo;
	}
	get atEnd() {
		return this.at >= this.end - 1;
	}
	get ratio() {
		return this.total <= this.max ? 1 : this.end / Math.max(1, this.max - this.view);
	}
	/** The list or the element has another size. */
	resize(total, view) {
		this.total = total;
		this.view = view;
		this.at = Math.min(this.at, this.end);
		if (this.ratio === 1) this.at = Math.min(this.scrolledTo, this.end);
	}
	/** The element was scrolled. Returns whether it is to be put right at once. */
	scrolled(scrollTop) {
		const delta = scrollTop - this.scrolledTo;
		this.scrolledTo = scrollTop;
		if (this.ratio === 1) this.at = scrollTop;
		else if (Math.abs(delta) > Math.max(STEP, 2 * this.view)) this.at = scrollTop * this.ratio;
		else this.at += delta;
		this.at = Math.max(0, Math.min(this.at, this.end));
		return this.ratio !== 1 && (scrollTop <= 0 ? this.at > 0 : scrollTop >= this.height - this.view && !this.atEnd);
	}
	/** Goes to a place in the list. Returns where the element is to be scrolled to; `settled` says where it then was. */
	goTo(top) {
		this.at = Math.max(0, Math.min(top, this.end));
		return this.at / this.ratio;
	}
	/** Where the element is to be scrolled to, so that both stand in proportion again; null: they do. */
	astray() {
		const wanted = this.at / this.ratio;
		return this.ratio !== 1 && Math.abs(wanted - this.scrolledTo) > 1 ? wanted : null;
	}
	/** The element was scrolled there by us: the list stands where it stood. */
	settled(scrollTop) {
		this.scrolledTo = scrollTop;
		if (this.ratio === 1) this.at = Math.min(scrollTop, this.end);
	}
};
// src/run/windowed.ts
/** A list of rows of one height of which only those in view are in the page. */
var OVERSCAN = 12;
var REST_MS = 150;
var Windowed = class {
	scroller;
	sizer;
	source;
	rowHeight;
	count = 0;
	rows = /* @__PURE__ */ new Map();
	spare = [];
	frame = 0;
	rest = 0;
	reach = new Reach();
	offset = 0;
	/** What is in the scroller above and below the rows. */
	around = 0;
	view = 0;
	constructor(scroller, sizer, source, rowHeight) {
		this.scroller = scroller;
		this.sizer = sizer;
		this.source = source;
		this.rowHeight = rowHeight;
		scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
		new ResizeObserver(() => {
			this.measure();
			this.later();
		}).observe(scroller);
		this.measure();
	}
	setRowHeight(height) {
		if (height === this.rowHeight) return;
		const first = this.firstInView;
		this.rowHeight = height;
		this.reset(this.count);
		this.showAt(first, 0);
	}
	/** All rows may be different ones: everything is drawn anew. */
	reset(count) {
		for (const row of this.rows.values()) {
			row.remove();
			this.spare.push(row);
		}
		this.rows.clear();
		this.setCount(count);
		this.draw();
	}
	/** Rows were added at the end, or taken from there; those that stay are the same. */
	setCount(count) {
		this.count = count;
		this.size();
		this.later();
	}
	/** The row at `index` has changed; nothing happens when it is not in view. */
	changed(index) {
		const row = this.rows.get(index);
		if (row) this.source.render(index, row);
	}
	/** All rows that are in the page are filled again. */
	redraw() {
		for (const [index, row] of this.rows) this.source.render(index, row);
		this.draw();
	}
	/** Scrolls as little as brings the row into view. */
	reveal(index) {
		const top = index * this.rowHeight;
		if (top < this.reach.top) this.goTo(top);
		else if (top + this.rowHeight + this.around > this.reach.top + this.view) this.goTo(top + this.rowHeight + this.around - this.view);
		this.draw();
	}
	/** Scrolls so that the row stands `below` pixels under the upper edge. */
	showAt(index, below) {
		this.goTo(index * this.rowHeight - below);
		this.draw();
	}
	toEnd() {
		this.goTo(this.reach.end);
		this.draw();
	}
	get atEnd() {
		return this.reach.top >= this.reach.end - this.rowHeight;
	}
	/** The row at the upper edge, and by how many pixels it is above it. */
	get firstInView() {
		return Math.min(Math.max(0, this.count - 1), Math.floor(this.reach.top / this.rowHeight));
	}
	get cutOff() {
		return this.reach.top - this.firstInView * this.rowHeight;
	}
	get rowsInView() {
		return Math.max(1, Math.floor((this.view - this.around) / this.rowHeight));
	}
	/** The row that a node of the page belongs to; -1: none. */
	indexOf(node) {
		for (const [index, row] of this.rows) if (row.contains(node)) return index;
		return -1;
	}
	/** The row at a height of the window, also beyond the edges. */
	indexAt(clientY) {
		const y = clientY - this.scroller.getBoundingClientRect().top + this.reach.top - this.around / 2;
		return Math.max(0, Math.min(this.count - 1, Math.floor(y / this.rowHeight)));
	}
	scrollBy(pixels) {
		this.goTo(this.reach.top + pixels);
		this.draw();
	}
	measure() {
		this.view = this.scroller.clientHeight;
		if (this.view) this.around = Math.max(0, this.sizer.offsetTop + parseFloat(getComputedStyle(this.sizer).marginBottom || "0"));
		this.size();
	}
	size() {
		this.reach.resize(this.count * this.rowHeight + this.around, this.view);
		this.sizer.style.height = `${this.reach.height - this.around}px`;
	}
	goTo(top) {
		this.scroller.scrollTop = this.reach.goTo(top);
		this.reach.settled(this.scroller.scrollTop);
	}
	scrolled() {
		if (this.reach.scrolled(this.scroller.scrollTop)) this.settle();
		else {
			window.clearTimeout(this.rest);
			this.rest = window.setTimeout(() => this.settle(), REST_MS);
		}
		this.later();
	}
	settle() {
		const wanted = this.reach.astray();
		if (wanted === null) return;
		this.scroller.scrollTop = wanted;
		this.reach.settled(this.scroller.scrollTop);
		this.draw();
	}
	later() {
		this.frame ||= requestAnimationFrame(() => {
			this.frame = 0;
			this.draw();
		});
	}
	draw() {
		const first = Math.max(0, Math.floor(this.reach.top / this.rowHeight) - OVERSCAN);
		const last = Math.min(this.count, Math.ceil((this.reach.top + this.view) / this.rowHeight) + OVERSCAN);
		for (const [index, row] of this.rows) if (index < first || index >= last) {
			this.rows.delete(index);
			row.remove();
			this.spare.push(row);
		}
		if (this.offset !== this.reach.offset) {
			this.offset = this.reach.offset;
			for (const [index, row] of this.rows) this.place(index, row);
		}
		let next = null;
		for (let index = last - 1; index >= first; index -= 1) {
			let row = this.rows.get(index);
			if (!row) {
				row = this.source.render(index, this.spare.pop() ?? null);
				this.place(index, row);
				this.rows.set(index, row);
				this.sizer.insertBefore(row, next);
			}
			next = row;
		}
		this.spare = this.spare.slice(0, 80);
		this.source.shown?.(first, last);
	}
	place(index, row) {
		row.style.top = `${index * this.rowHeight - this.offset}px`;
	}
};
// src/run/events.ts
/** The events of a run: what went from one state to another, the newest at the end. New ones come by the store, older
* ones are read as they are scrolled to; the chosen node's alone are shown while one is chosen. */
var ROW$2 = 28;
var ROW_NARROW$2 = 48;
var EARLIER_PX = 600;
/** Steps to begin with, for what is seen and some to scroll; short pages are read on for them. */
var ENOUGH = 100;
function mountEvents(host, store) {
	return new EventList(host, store);
}
var EventList = class {
	host;
	store;
	steps;
	list;
	narrow = window.matchMedia("(max-width: 640px)");
	following = true;
	loading = false;
	ready = false;
	/** Steps that came while the first ones were being read. */
	early = [];
	tools;
	constructor(host, store) {
		this.host = host;
		this.store = store;
		const sizer = one("[data-event-sizer]", host);
		if (!sizer) throw new Error("The page has no place for events.");
		this.tools = host.closest("main") ?? document;
		this.list = new Windowed(host, sizer, { render: (index, row) => this.render(index, row) }, this.height);
		this.narrow.addEventListener("change", () => this.list.setRowHeight(this.height));
		this.steps = new Steps(store.chosen);
		const scrolled = throttled(50, () => {
			if (this.following !== this.list.atEnd && this.steps.size) this.follow(this.list.atEnd);
			if (host.scrollTop < EARLIER_PX) this.earlier();
		});
		for (const name of [
			"wheel",
			"touchmove",
			"keydown",
			"pointerup"
		]) host.addEventListener(name, () => window.setTimeout(scrolled, 60), { passive: true });
		host.addEventListener("click", (event) => {
			const node = event.target instanceof Element ? event.target.closest("[data-step-node]")?.dataset["stepNode"] : "";
			if (node) store.choose(node);
		});
		one("[data-event-follow]", this.tools)?.addEventListener("click", () => this.toggleFollow());
		one("[data-event-node]", this.tools)?.addEventListener("click", () => this.of(this.steps.node ? "" : store.chosen));
		store.listen((change) => {
			if (change.snapshot) this.open();
			else if (change.steps.length) this.add(change.steps);
			if (change.chosen) this.of(store.chosen);
		});
		this.open();
	}
	focus() {
		this.host.focus();
	}
	toggleFollow() {
		this.follow(!this.following);
	}
	get height() {
		return this.narrow.matches ? ROW_NARROW$2 : ROW$2;
	}
	follow(on) {
		this.following = on;
		setAttribute(one("[data-event-follow]", this.tools), "aria-pressed", String(on));
		if (on) this.list.toEnd();
	}
	of(node) {
		if (this.steps.node === node) return;
		this.steps = new Steps(node);
		this.following = true;
		this.open();
	}
	/** Reads the newest steps; what the store brings meanwhile is added to them. */
	async open() {
		const steps = this.steps = new Steps(this.steps.node);
		this.ready = false;
		this.early = [];
		this.label();
		try {
			do {
				const { steps: older, before } = await this.read(steps.below, steps.node);
				if (steps !== this.steps) return;
				steps.prepend(older, before);
			} while (!steps.complete && steps.size < ENOUGH);
		} catch {
			return;
		}
		steps.append(this.early);
		this.early = [];
		this.ready = true;
		this.list.reset(steps.size);
		if (this.following) this.list.toEnd();
		this.status();
	}
	async earlier() {
		const steps = this.steps;
		if (this.loading || !this.ready || steps.complete || steps.size >= 1e5) return;
		this.loading = true;
		try {
			const { steps: older, before } = await this.read(steps.below, steps.node);
			if (steps !== this.steps) return;
			const top = this.host.scrollTop;
			const added = steps.prepend(older, before);
			this.list.reset(steps.size);
			this.host.scrollTop = top + added * this.height;
			this.list.draw();
		} catch {} finally {
			this.loading = false;
		}
	}
	async read(below, node) {
		const query = new URLSearchParams();
		if (below !== null) query.set("before", String(below));
		if (node) query.set("node", node);
		return readSteps((await call("GET", `${this.host.dataset["source"] ?? ""}?${query.toString()}`)).body);
	}
	add(steps) {
		if (!this.ready) {
			this.early.push(...steps);
			return;
		}
		const { added, dropped } = this.steps.append(steps, !this.following);
		if (dropped) {
			const top = this.host.scrollTop;
			this.list.reset(this.steps.size);
			this.host.scrollTop = Math.max(0, top - dropped * this.height);
		} else if (added) this.list.setCount(this.steps.size);
		if (added && this.following && this.host.clientHeight > 0) this.list.toEnd();
		this.status();
	}
	label() {
		const button = one("[data-event-node]", this.tools);
		const node = this.steps.node || this.store.chosen;
		setHidden(button, !node);
		setText(button, visible(this.store.nodes.get(node)?.name ?? node));
		setAttribute(button, "aria-pressed", String(Boolean(this.steps.node)));
		setAttribute(button, "title", this.steps.node ? gettext("Show the events of all nodes") : gettext("Show the events of this node"));
	}
	status() {
		const empty = one("[data-event-empty]", this.host);
		setHidden(empty, !this.ready || this.steps.size > 0);
		setText(empty, this.steps.node ? gettext("Nothing has happened to this node yet.") : gettext("Nothing has happened yet. Each change of state appears here."));
	}
	render(index, row) {
		const made = row ?? element("div", "step", element("span", "at"), element("span", "whose cut"), element("span", "way"), element("span", "about cut"));
		const step = this.steps.at(index);
		if (!step) return made;
		const [at, who, way, about] = [...made.children];
		setText(at ?? null, clock(step.at));
		const name = step.node ? visible(this.store.nodes.get(step.node)?.name ?? step.node) : fill(gettext("Run {id}"), { id: this.store.id });
		setText(who ?? null, name);
		setAttribute(who ?? null, "title", name);
		setAttribute(made, "data-step-node", step.node);
		const { icon: picture, word } = look$1(step.to);
		const to = element("span", `c st-${step.to} to`, icon(picture, true), word);
		way?.replaceChildren(...step.from ? [element("span", "faint", look$1(step.from).word), element("span", "faint", " → ")] : [], to);
		const said = visible(aboutOf(step));
		setText(about ?? null, said);
		setAttribute(about ?? null, "title", said);
		return made;
	}
};
function aboutOf(step) {
	const known = step.error && (step.to === "failed" || step.to === "timed_out" || step.to === "retrying") ? cause(step.error) : reason(step.reason);
	return [step.attempt > 1 ? fill(gettext("attempt {n}"), { n: step.attempt }) : "", known].filter(Boolean).join(" · ");
}
function clock(iso) {
	const at = new Date(iso);
	if (Number.isNaN(at.getTime())) return "";
	const two = (n) => String(n).padStart(2, "0");
	return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
// src/run/ends.ts
/** When a run ends about, from what its nodes usually take. Pure. */
var BAD$1 = /* @__PURE__ */ new Set(["failed", "timed_out"]);
/** Seconds from `now` (the server's clock, in ms) until the run ends; null where it cannot be determined: the run does
* not run, a node is stuck or waits for somebody, something failed (what still starts is then another question), or of
* a node that is left nobody knows how long it takes.
*
* It is the longest way through what is left, and no less than all work that is left over what runs at once, where
* more is ready than runs. */
function endsIn(run, graph, nodes, stuck, usual, now) {
	if (run.state !== "running" || stuck.size) return null;
	const left = new Float64Array(graph.size);
	const open = new Uint8Array(graph.size);
	let work = 0;
	let running = 0;
	let ready = 0;
	for (let at = 0; at < graph.size; at += 1) {
		const node = nodes.get(graph.ids[at] ?? "");
		if (!node || node.state === "waiting" || BAD$1.has(node.state)) return null;
		if (NODE_ENDED.has(node.state)) continue;
		const whole = node.expected ?? usual[node.node];
		if (whole === void 0) return null;
		open[at] = 1;
		if (node.state === "running" && node.started_at) {
			running += 1;
			left[at] = Math.max(0, whole - (now - Date.parse(node.started_at)) / 1e3);
		} else {
			if (node.state === "ready") ready += 1;
			left[at] = whole;
		}
		work += left[at] ?? 0;
	}
	const way = longest(graph, open, left);
	return ready && running ? Math.max(way, work / running) : way;
}
/** The longest way through the nodes that are open. */
function longest(graph, open, left) {
	const missing = new Int32Array(graph.size);
	const queue = [];
	for (let at = 0; at < graph.size; at += 1) {
		if (!open[at]) continue;
		for (const edge of edgesAt(graph.into, at)) missing[at] = (missing[at] ?? 0) + (open[graph.sources[edge] ?? 0] ?? 0);
		if (!missing[at]) queue.push(at);
	}
	const begins = new Float64Array(graph.size);
	let last = 0;
	for (let head = 0; head < queue.length; head += 1) {
		const at = queue[head] ?? 0;
		const ends = (begins[at] ?? 0) + (left[at] ?? 0);
		last = Math.max(last, ends);
		for (const edge of edgesAt(graph.outOf, at)) {
			const next = graph.targets[edge] ?? 0;
			if (!open[next]) continue;
			begins[next] = Math.max(begins[next] ?? 0, ends);
			missing[next] = (missing[next] ?? 1) - 1;
			if (!missing[next]) queue.push(next);
		}
	}
	return last;
}
// src/run/table.ts
var COLUMNS = [
	"name",
	"state",
	"attempt",
	"start",
	"duration"
];
/** What asks for a person comes first. */
var URGENCY = [
	"failed",
	"timed_out",
	"stuck",
	"running",
	"retrying",
	"waiting",
	"ready",
	"pending",
	"cancelled",
	"upstream_failed",
	"skipped",
	"succeeded"
];
function isColumn(name) {
	return COLUMNS.includes(name);
}
/** Whether a span of the node counts: what went back to waiting has begun once, but does not go on. */
function goesOn(node) {
	return node.started_at !== null && (node.state === "running" || node.finished_at !== null);
}
/** Seconds that the node has run; null: it does not count. */
function ran(node, now) {
	if (!node.started_at || !goesOn(node)) return null;
	return node.finished_at ? secondsBetween(node.started_at, node.finished_at) : (now - Date.parse(node.started_at)) / 1e3;
}
/** Ids of the wanted nodes in order; equal ones stay in the order of `nodes`, and what has no value comes last. */
function arrange(nodes, wanted, order, stuck, now) {
	const found = [];
	for (const node of nodes) if (fits(node, wanted, stuck)) found.push(node);
	const column = order.column;
	if (column) {
		const keys = new Map(found.map((node) => [node, keyOf(node, column, stuck, now)]));
		const sign = order.descending ? -1 : 1;
		found.sort((a, b) => compare(keys.get(a) ?? null, keys.get(b) ?? null, sign));
	}
	return found.map((node) => node.node);
}
function fits(node, { states, text }, stuck) {
	if (states.size && !states.has(node.state) && !(states.has("stuck") && stuck.has(node.node))) return false;
	return !text || node.name.toLowerCase().includes(text) || node.node.includes(text) || node.type.toLowerCase().includes(text);
}
function keyOf(node, column, stuck, now) {
	switch (column) {
		case "name": return node.name.toLowerCase();
		case "state": return URGENCY.indexOf(stuck.has(node.node) ? "stuck" : node.state);
		case "attempt": return node.attempt || null;
		case "start": return node.started_at;
		case "duration": return ran(node, now);
	}
}
var names = new Intl.Collator(void 0, { numeric: true });
function compare(a, b, sign) {
	if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
	if (typeof a === "string" && typeof b === "string") return sign * names.compare(a, b);
	return sign * (a < b ? -1 : a > b ? 1 : 0);
}
/** How many nodes are in each state, in the order of urgency. */
function tally(nodes, stuck) {
	const counted = /* @__PURE__ */ new Map();
	for (const node of nodes) counted.set(node.state, (counted.get(node.state) ?? 0) + 1);
	if (stuck) counted.set("stuck", stuck);
	return new Map([...counted].sort(([a], [b]) => URGENCY.indexOf(a) - URGENCY.indexOf(b)));
}
// src/run/nodes.ts
/** The table of a run's nodes: rows of what changed are patched, only those in view are in the page.
*
* It starts when its tab is first opened. A grid with a place of its own for the keyboard (arrows), apart from the chosen
* node (Enter, or a click): walking over a long table asks nothing of the server.
*/
var ROW$1 = 32;
var ROW_NARROW$1 = 56;
/** While nodes change, the order is looked at again at most so often: rows that jump cannot be read. */
var ARRANGE_MS = 700;
var COUNT_MS = 250;
var TYPE_ICONS = {
	noop: "dot",
	python: "py",
	"python.function": "py",
	shell: "shell",
	"table.read": "table",
	"table.sql": "sql",
	"table.write": "out",
	branch: "split"
};
var NodeTable = class {
	store;
	root;
	ids = [];
	place = /* @__PURE__ */ new Map();
	order = {
		column: null,
		descending: false
	};
	wanted = {
		states: /* @__PURE__ */ new Set(),
		text: ""
	};
	/** Id of the node that the keyboard is at; empty: none. */
	cursor;
	chosen;
	scroller;
	list;
	search;
	narrow = window.matchMedia("(max-width: 640px)");
	constructor(store, root) {
		this.store = store;
		this.root = root;
		const scroller = one("[data-nodes]", root);
		const group = one("[data-node-rows]", root);
		if (!scroller || !group) throw new Error("The page has no table of nodes.");
		this.scroller = scroller;
		this.chosen = this.cursor = store.chosen;
		group.replaceChildren();
		group.classList.add("windowed");
		const height = () => this.narrow.matches ? ROW_NARROW$1 : ROW$1;
		this.list = new Windowed(scroller, group, { render: (index, row) => this.render(index, row) }, height());
		this.narrow.addEventListener("change", () => this.list.setRowHeight(height()));
		group.addEventListener("click", (event) => {
			const node = event.target instanceof Element ? event.target.closest("[data-node]")?.dataset["node"] : "";
			if (node) this.choose(node);
		});
		scroller.addEventListener("keydown", (event) => this.key(event));
		this.search = one("[data-node-search]", root);
		this.search?.addEventListener("input", debounced(60, () => this.want({
			...this.wanted,
			text: this.search?.value.trim().toLowerCase() ?? ""
		})));
		for (const head of all("[data-sort]", root)) head.addEventListener("click", () => this.sortBy(head.dataset["sort"] ?? ""));
		const chooser = one("[data-node-sort]", root);
		chooser?.addEventListener("change", () => this.setOrder({
			column: isColumn(chooser.value) ? chooser.value : null,
			descending: chooser.value === "duration" || chooser.value === "attempt"
		}));
		this.listen();
		this.arrange();
		if (this.chosen) this.reveal(this.chosen);
	}
	focus() {
		this.scroller.focus();
	}
	focusSearch() {
		this.search?.focus();
		this.search?.select();
	}
	listen() {
		const soon = throttled(ARRANGE_MS, () => this.arrange());
		const counts = throttled(COUNT_MS, () => this.filters());
		this.store.listen((change) => {
			if (change.snapshot) this.arrange();
			else if (change.nodes.size || change.stuck.size) {
				for (const id of change.nodes) this.patch(id);
				for (const id of change.stuck) this.patch(id);
				if (this.order.column || this.wanted.states.size) soon();
				counts();
			}
			if (change.chosen) {
				const before = this.chosen;
				this.chosen = this.store.chosen;
				this.patch(before);
				if (this.chosen) {
					this.moveTo(this.chosen);
					this.patch(this.chosen);
				}
			}
		});
	}
	choose(node) {
		this.moveTo(node);
		this.store.choose(node);
	}
	moveTo(node) {
		const before = this.cursor;
		this.cursor = node;
		this.patch(before);
		this.patch(node);
		this.reveal(node);
		this.active();
	}
	reveal(node) {
		const at = this.place.get(node);
		if (at !== void 0 && this.scroller.clientHeight > 0) this.list.reveal(at);
	}
	active() {
		if (this.place.has(this.cursor)) setAttribute(this.scroller, "aria-activedescendant", `row-${this.cursor}`);
		else this.scroller.removeAttribute("aria-activedescendant");
	}
	key(event) {
		if (event.target !== this.scroller || event.ctrlKey || event.metaKey || event.altKey) return;
		const at = this.place.get(this.cursor) ?? -1;
		const last = this.ids.length - 1;
		const page = Math.max(1, Math.floor(this.scroller.clientHeight / (this.narrow.matches ? ROW_NARROW$1 : ROW$1)) - 2);
		const wanted = {
			ArrowDown: at + 1,
			ArrowUp: at - 1,
			PageDown: at + page,
			PageUp: at - page,
			Home: 0,
			End: last
		}[event.key];
		if (wanted !== void 0) {
			const id = this.ids[Math.max(0, Math.min(wanted, last))];
			if (id) this.moveTo(id);
		} else if ((event.key === "Enter" || event.key === " ") && this.place.has(this.cursor)) this.choose(this.cursor);
		else return;
		event.preventDefault();
	}
	sortBy(name) {
		if (!isColumn(name)) return;
		const same = this.order.column === name;
		this.setOrder(!same ? {
			column: name,
			descending: false
		} : this.order.descending ? {
			column: null,
			descending: false
		} : {
			column: name,
			descending: true
		});
	}
	setOrder(order) {
		this.order = order;
		for (const head of all("[data-sort]", this.root)) {
			const on = head.dataset["sort"] === order.column;
			const cell = head.closest("[role=\"columnheader\"]");
			setAttribute(cell, "aria-sort", on ? order.descending ? "descending" : "ascending" : "none");
		}
		const chooser = one("[data-node-sort]", this.root);
		if (chooser) chooser.value = order.column ?? "";
		this.arrange();
		this.scroller.scrollTop = 0;
	}
	want(wanted) {
		this.wanted = wanted;
		this.arrange();
	}
	arrange() {
		this.ids = arrange(this.store.nodes.values(), this.wanted, this.order, this.store.stuck, serverNow());
		this.place = new Map(this.ids.map((id, at) => [id, at]));
		setAttribute(this.scroller, "aria-rowcount", String(this.ids.length + 1));
		this.list.reset(this.ids.length);
		const empty = one("[data-nodes-empty]", this.root);
		setHidden(empty, this.ids.length > 0 || this.store.seq < 0);
		this.active();
		this.filters();
	}
	patch(id) {
		const at = this.place.get(id);
		if (at !== void 0) this.list.changed(at);
	}
	render(index, row) {
		const made = row ?? this.blank();
		const id = this.ids[index];
		const node = id === void 0 ? void 0 : this.store.nodes.get(id);
		if (node) {
			setAttribute(made, "aria-rowindex", String(index + 2));
			this.fill(made, node);
		}
		return made;
	}
	blank() {
		const row = one("[data-node-template]", this.root)?.content.firstElementChild?.cloneNode(true);
		return row instanceof HTMLElement ? row : element("div", "nr");
	}
	fill(row, node) {
		const id = node.node;
		const style = `nr is-${node.state} st-${node.state}${id === this.cursor ? " at" : ""}`;
		if (row.className !== style) row.className = style;
		if (row.id !== `row-${id}`) row.id = `row-${id}`;
		setAttribute(row, "data-node", id);
		setAttribute(row, "aria-selected", String(id === this.chosen));
		setAttribute(row.querySelector(".name use"), "href", `#i-${TYPE_ICONS[node.type] ?? "dot"}`);
		const name = row.querySelector("[data-c=\"name\"]");
		const shown = visible(node.name);
		setText(name, shown);
		setAttribute(name, "title", shown);
		const state = row.querySelector("[data-c=\"state\"]");
		if (state && row.dataset["shown"] !== node.state) {
			const { icon: picture, word } = look$1(node.state);
			state.replaceChildren(element("span", `chip st-${node.state}`, icon(picture), word));
			row.dataset["shown"] = node.state;
		}
		const known = fact(node);
		const about = row.querySelector("[data-c=\"fact\"]");
		setText(about, known);
		setAttribute(about, "title", known);
		setText(row.querySelector("[data-c=\"try\"]"), node.attempt ? String(node.attempt) : "");
		setText(row.querySelector("[data-c=\"start\"]"), node.started_at && goesOn(node) ? said$1(node.started_at, "time", serverNow()) : "");
		setHidden(row.querySelector("[data-c=\"stuck\"]"), !this.store.stuck.has(id));
		lasting(row.querySelector("[data-c=\"time\"]"), goesOn(node) ? node : {
			started_at: null,
			finished_at: null
		});
		const bar = row.querySelector("progress");
		const fraction = node.state === "running" ? node.progress?.fraction ?? null : null;
		setHidden(bar, fraction === null);
		if (bar && fraction !== null && bar.value !== fraction) bar.value = fraction;
	}
	/** The chips with counts; pressing them adds their states to what is shown. */
	filters() {
		const place = one("[data-node-filters]", this.root);
		if (!place) return;
		const counts = tally(this.store.nodes.values(), this.store.stuck.size);
		for (const state of this.wanted.states) if (!counts.has(state)) counts.set(state, 0);
		if (counts.size < 2 && !this.wanted.states.size) {
			place.replaceChildren();
			return;
		}
		const chips = new Map([...place.children].map((chip) => [chip.getAttribute("data-state") ?? "", chip]));
		let at = place.firstElementChild;
		for (const [state, n] of counts) {
			const chip = chips.get(state) ?? this.chip(state);
			chips.delete(state);
			setText(chip.querySelector("span"), `${state === "stuck" ? gettext("Stuck") : look$1(state).word} ${count(n)}`);
			setAttribute(chip, "aria-pressed", String(this.wanted.states.has(state)));
			if (chip === at) at = at.nextElementSibling;
			else place.insertBefore(chip, at);
		}
		for (const gone of chips.values()) gone.remove();
	}
	chip(state) {
		const button = element("button", `chip st-${state}`, icon(state === "stuck" ? "warn" : look$1(state).icon), element("span"));
		button.type = "button";
		button.dataset["state"] = state;
		button.addEventListener("click", () => {
			const states = new Set(this.wanted.states);
			if (!states.delete(state)) states.add(state);
			this.want({
				...this.wanted,
				states
			});
		});
		return button;
	}
};
/** A duration that goes on while there is no end. */
function lasting(place, it) {
	const span = place?.firstElementChild;
	if (!(span instanceof HTMLElement)) return;
	if (!it.started_at) {
		setText(span, "–");
		setAttribute(span, "data-since", "");
	} else if (it.finished_at) {
		span.removeAttribute("data-since");
		setText(span, duration(secondsBetween(it.started_at, it.finished_at)));
	} else {
		setAttribute(span, "data-since", it.started_at);
		setText(span, duration(Math.max(0, (serverNow() - Date.parse(it.started_at)) / 1e3)));
	}
}
// src/run/head.ts
/** The head of a run's page: state, what is stuck, how far it is and how long it takes, kept current. */
/** How often it is looked at again when the run ends about. */
var ENDS_MS = 2e3;
var LOOK_MS = 5e3;
/** `why` shows the cause of the chosen node. */
function startHead(store, root, why) {
	one("[data-run-stuck]", root)?.addEventListener("click", (event) => {
		event.preventDefault();
		const [first] = inOrder(store);
		if (!first) return;
		store.choose(first);
		why();
	});
	startEnds(store, root);
	store.listen((change) => {
		if (change.run || change.snapshot) showRun(store, root);
		if (change.stuck.size || change.snapshot) showStuck(store, root);
	});
}
/** Keeps what is said of the end. What it takes is read once, and only for a run that goes on. */
function startEnds(store, root) {
	const place = one("[data-run-ends]", root);
	if (!place) return;
	let known = null;
	const show = throttled(ENDS_MS, () => void tell());
	async function tell() {
		const run = store.run;
		const part = place?.closest("[data-run-ends-part]") ?? place;
		setHidden(part, !run || RUN_ENDED.has(run.state));
		if (!run || RUN_ENDED.has(run.state) || document.hidden) return;
		let seconds = null;
		if (run.state === "running" && !store.stuck.size) try {
			const { graph, usual } = await (known ??= read(store, root));
			seconds = graph && endsIn(run, graph, store.nodes, store.stuck, usual, serverNow());
		} catch {
			known = null;
		}
		setText(place, seconds === null ? gettext("not determined") : said$1(new Date(serverNow() + 1e3 * seconds).toISOString(), "time", serverNow()));
	}
	store.listen((change) => {
		if (change.run || change.snapshot || change.nodes.size || change.stuck.size) show();
	});
	window.setInterval(show, LOOK_MS);
}
/** The graph's edges (the browser keeps what the canvas has asked for) and what its nodes usually take. */
async function read(store, root) {
	const address = one("[data-canvas]", root)?.dataset["graph"];
	const [graph, times] = await Promise.all([address ? call("GET", address) : null, call("GET", `/runs/${store.id}/usual/`)]);
	const usual = {};
	const found = times.body["usual"];
	if (typeof found === "object" && found !== null && !Array.isArray(found)) {
		for (const [node, seconds] of Object.entries(found)) if (typeof seconds === "number") usual[node] = seconds;
	}
	return {
		graph: graph && readGraph(graph.body),
		usual
	};
}
/** Ids of the stuck nodes, in the order of the document. */
function inOrder(store) {
	return [...store.nodes.keys()].filter((id) => store.stuck.has(id));
}
function showStuck(store, root) {
	const chip = one("[data-run-stuck]", root);
	const n = store.stuck.size;
	setHidden(chip, n === 0);
	setText(one("span", chip ?? root), fill(gettext("{n} stuck"), { n: count(n) }));
}
function showRun(store, root) {
	const run = store.run;
	if (!run) return;
	const state = one("[data-run-state]", root);
	if (state && root.dataset["shown"] !== run.state) {
		const { icon: name, word } = look$1(run.state);
		state.replaceChildren(element("span", `chip st-${run.state}`, icon(name), word));
		root.dataset["shown"] = run.state;
	}
	let done = 0;
	let whole = 0;
	for (const [name, n] of Object.entries(run.counts)) {
		whole += n;
		if (NODE_ENDED.has(name)) done += n;
	}
	whole ||= store.nodes.size;
	setText(one("[data-run-done]", root), fill(gettext("{done} of {all} nodes"), {
		done: count(done),
		all: count(whole)
	}));
	setText(one("[data-run-share]", root), whole ? `${Math.floor(100 * done / whole)} %` : "");
	const bar = one("[data-run-bar]", root);
	if (bar) {
		bar.max = whole || 1;
		bar.value = done;
		setAttribute(bar, "class", `bar st-${run.state}`);
	}
	lasting(one("[data-run-time]", root), run);
	const began = one("[data-run-began] time", root);
	if (began && run.started_at && began.getAttribute("datetime") !== run.started_at) {
		began.setAttribute("datetime", run.started_at);
		setText(one("[data-run-verb]", root), gettext("Started"));
		refreshTimes(root);
	}
	const ended = RUN_ENDED.has(run.state);
	for (const part of all("[data-when]", root)) setHidden(part, part.dataset["when"] === "ended" !== ended);
	const bad = [
		"failed",
		"timed_out",
		"cancelled"
	].some((name) => (run.counts[name] ?? 0) > 0);
	for (const part of all("[data-when-bad]", root)) setHidden(part, !bad);
	setText(one("[data-run-took]", root), ended ? gettext("Took") : gettext("Running"));
	if (!ended && root.dataset["state"] !== run.state) {
		const cancel = one("[data-cancel]", root);
		if (cancel && RUN_ENDED.has(root.dataset["state"] ?? "")) {
			cancel.disabled = false;
			setText(one("span", cancel), gettext("Cancel"));
		}
	}
	root.dataset["state"] = run.state;
}
// src/run/inputs.ts
/** Copies inputs of a run whole: the page may show a long one in part, and writes out what could disguise it.
*
*   <button data-copy-input="month">   that input, a text as it is, anything else as JSON; empty: all of them
*/
function startInputs(run, root) {
	root.addEventListener("click", (event) => {
		const button = event.target instanceof Element ? event.target.closest("[data-copy-input]") : null;
		if (button) copy(run, button.dataset["copyInput"] ?? "");
	});
}
async function copy(run, name) {
	let text;
	try {
		const inputs = (await call("GET", `/api/v1/runs/${run}/`)).body["inputs"];
		const value = name && typeof inputs === "object" && inputs !== null && !Array.isArray(inputs) ? inputs[name] : inputs;
		text = typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2);
	} catch {
		toast(gettext("Offline: this did not reach the server."), "error");
		return;
	}
	navigator.clipboard.writeText(text).then(() => toast(gettext("Copied.")), () => toast(gettext("The browser does not let pages copy; mark the text and copy it yourself."), "error"));
}
// src/run/keys.ts
/** Keys of a run's page: J K the next and previous failed or stuck node, W why, L logs, T timeline, . follow, F fit,
* Shift F the chosen one, / search in the part that has the focus, Esc closes. */
var BAD = /* @__PURE__ */ new Set(["failed", "timed_out"]);
function startRunKeys(store, root, { drawer, logs, panel }, lazy) {
	/** Whether the key was one of these. */
	const act = (event) => {
		const inside = (selector) => document.activeElement?.closest(selector) !== null && document.activeElement !== null;
		switch (event.key === "F" ? "shift f" : event.key.toLowerCase()) {
			case "j": return step(store, 1);
			case "k": return step(store, -1);
			case "w":
				if (!store.chosen) step(store, 1);
				panel.show("why");
				return true;
			case "l":
				drawer.show("logs");
				logs.focus();
				return true;
			case "t":
				drawer.show("timeline");
				one("#tab-timeline", root)?.focus();
				return true;
			case ".":
				if (drawer.current === "events") lazy.events?.toggleFollow();
				else logs.toggleFollow();
				return true;
			case "f":
				lazy.canvas?.fit();
				return true;
			case "shift f":
				lazy.canvas?.fitChosen();
				return true;
			case "/":
				if (lazy.canvas && inside(".runcanvas")) lazy.canvas.search();
				else if (drawer.current === "nodes" || inside(".runnodes")) lazy.nodes?.focusSearch();
				else if (drawer.current === "logs" && inside(".drawer")) one("[data-log-search]", root)?.focus();
				else if (lazy.canvas) lazy.canvas.search();
				else one("[data-log-search]", root)?.focus();
				return true;
			case "escape": return escape(store);
			default: return false;
		}
	};
	document.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || one("dialog[open]")) return;
		if (event.key === "Escape" ? one("[popover]:popover-open") ?? event.target instanceof HTMLSelectElement : typing(event.target)) return;
		if (act(event)) event.preventDefault();
	}, { capture: true });
}
/** Closes the innermost of what is open: a search, then the panel's node. */
function escape(store) {
	const at = document.activeElement;
	if (at instanceof HTMLInputElement && at.type === "search") {
		if (at.value) {
			at.value = "";
			at.dispatchEvent(new Event("input", { bubbles: true }));
		} else at.blur();
		return true;
	}
	if (!store.chosen || at?.closest(".runcanvas")) return false;
	store.choose("");
	return true;
}
/** Chooses the next (1) or previous (-1) node that failed or is stuck, from the chosen one, round the end. */
function step(store, direction) {
	const ids = [...store.nodes.keys()];
	const from = ids.indexOf(store.chosen);
	const start = from < 0 && direction < 0 ? 0 : from;
	for (let n = 1; n <= ids.length; n += 1) {
		const id = ids[(start + direction * n + ids.length * 2) % ids.length];
		if (id !== void 0 && (BAD.has(store.nodes.get(id)?.state ?? "") || store.stuck.has(id))) {
			store.choose(id);
			break;
		}
	}
	return true;
}
// src/run/linecache.ts
var LINES_KEPT = 2e4;
var CHARACTERS_KEPT = 16777216;
var LineCache = class {
	linesMax;
	charactersMax;
	kept = /* @__PURE__ */ new Map();
	characters = 0;
	constructor(linesMax = LINES_KEPT, charactersMax = CHARACTERS_KEPT) {
		this.linesMax = linesMax;
		this.charactersMax = charactersMax;
	}
	get size() {
		return this.kept.size;
	}
	has(seq) {
		return this.kept.has(seq);
	}
	/** The line, which counts as used now. */
	get(seq) {
		const line = this.kept.get(seq);
		if (line) {
			this.kept.delete(seq);
			this.kept.set(seq, line);
		}
		return line;
	}
	add(lines) {
		for (const line of lines) {
			const before = this.kept.get(line.seq);
			if (before) {
				this.kept.delete(line.seq);
				this.characters -= before.message.length;
			}
			this.kept.set(line.seq, line);
			this.characters += line.message.length;
		}
		for (const [seq, line] of this.kept) {
			if (this.kept.size <= this.linesMax && this.characters <= this.charactersMax) break;
			this.kept.delete(seq);
			this.characters -= line.message.length;
		}
	}
};
// src/run/logsource.ts
/** The log of a run as the page knows it: the numbers of all lines, by node too, and the text of those looked at.
*
* Numbers come from the index that the server keeps and then from the live feed; text is read by number when it is
* needed. So a log of a million lines takes the memory of what is in view.
*/
var RANGES_MAX = 150;
var READ_MAX = 1500;
var numbers = (value) => Array.isArray(value) ? value.filter((one) => typeof one === "number") : [];
var LogSource = class {
	run;
	arrived;
	all = new SeqRanges();
	byNode = /* @__PURE__ */ new Map();
	cache = new LineCache();
	/** Lines that came while the index was being read. */
	early = [];
	catching = null;
	again = false;
	wanted = [];
	reading = false;
	/** Whether the index was read once. */
	ready = false;
	constructor(run, arrived) {
		this.run = run;
		this.arrived = arrived;
	}
	/** The lines of a node; empty: of all. */
	of(node) {
		if (!node) return this.all;
		let found = this.byNode.get(node);
		if (!found) this.byNode.set(node, found = new SeqRanges());
		return found;
	}
	line(seq) {
		return this.cache.get(seq);
	}
	/** Reads which lines there are above the last known one. Throws when the server cannot be reached. */
	catchUp() {
		this.again = true;
		return this.catching ??= this.readIndex().finally(() => {
			this.catching = null;
		});
	}
	async readIndex() {
		while (this.again) {
			this.again = false;
			let after = this.all.last;
			while (after !== null) {
				const body = (await call("GET", `/runs/${this.run}/logs/index/?after=${after}`)).body;
				const nodes = Array.isArray(body["nodes"]) ? body["nodes"].map(String) : [];
				const batches = numbers(body["batches"]);
				for (let i = 0; i + 3 < batches.length; i += 4) {
					const first = batches[i] ?? 0;
					const count = batches[i + 1] ?? 0;
					this.of(nodes[batches[i + 2] ?? 0] ?? "?").push(first, count);
					this.all.push(first, count);
				}
				after = typeof body["next"] === "number" ? body["next"] : null;
			}
		}
		this.ready = true;
		const early = this.early;
		this.early = [];
		this.append(early);
	}
	/** Takes lines of the live feed; what is known already is left out. */
	take(lines) {
		if (this.catching || !this.ready) this.early.push(...lines);
		else this.append(lines);
		if (this.early.length > 5e4) this.early.splice(0, this.early.length, ...this.early.slice(-5e4));
	}
	append(lines) {
		for (const line of lines) {
			if (line.seq <= this.all.last) continue;
			this.all.push(line.seq);
			this.of(line.node).push(line.seq);
		}
		this.cache.add(lines.length > READ_MAX ? lines.slice(-1500) : lines);
	}
	/** These lines are in view or soon will be: those whose text is not here are asked for. Replaces what was wanted. */
	want(seqs) {
		this.wanted = seqs;
		this.readWanted();
	}
	async readWanted() {
		if (this.reading) return;
		this.reading = true;
		try {
			for (;;) {
				const missing = this.wanted.filter((seq) => !this.cache.has(seq)).slice(0, READ_MAX);
				if (!missing.length) return;
				const got = await this.read(missing);
				this.arrived();
				if (!got.length) return;
			}
		} catch {} finally {
			this.reading = false;
		}
	}
	async read(seqs) {
		const sorted = [...seqs].sort((a, b) => a - b);
		const body = (await call("GET", `/runs/${this.run}/logs/lines/?seqs=${said(sorted, RANGES_MAX)}`)).body;
		const lines = [];
		for (const value of Array.isArray(body["lines"]) ? body["lines"] : []) {
			if (!Array.isArray(value)) continue;
			const [seq, at, node, attempt, level, message] = value;
			if (typeof seq !== "number") continue;
			lines.push({
				seq,
				at: String(at),
				node: String(node),
				attempt: Number(attempt),
				level: String(level),
				message: String(message)
			});
		}
		this.cache.add(lines);
		return lines;
	}
	/** The lines with these numbers, in order, also those that are not here. Throws when they cannot be read. */
	async lines(seqs) {
		const found = /* @__PURE__ */ new Map();
		let missing = [];
		for (const seq of seqs) {
			const line = this.cache.get(seq);
			if (line) found.set(seq, line);
			else missing.push(seq);
		}
		while (missing.length) {
			const got = await this.read(missing.slice(0, READ_MAX));
			if (!got.length) break;
			for (const line of got) found.set(line.seq, line);
			missing = missing.filter((seq) => !found.has(seq));
		}
		return seqs.flatMap((seq) => found.get(seq) ?? []);
	}
};
// src/run/marking.ts
var EDGE_MS = 50;
var Marking = class {
	scroller;
	list;
	host;
	from = 0;
	upto = 0;
	dragged = -1;
	edge = 0;
	pointerY = 0;
	constructor(scroller, list, host) {
		this.scroller = scroller;
		this.list = list;
		this.host = host;
		scroller.addEventListener("pointerdown", (event) => this.down(event));
		scroller.addEventListener("copy", (event) => {
			if (this.range && getSelection()?.isCollapsed !== false) this.host.copy(event);
		});
	}
	/** The line that keys move from; 0: none. */
	get at() {
		return this.upto;
	}
	/** First and last number of the marked lines; null: none. */
	get range() {
		return this.upto ? [Math.min(this.from, this.upto), Math.max(this.from, this.upto)] : null;
	}
	paint(row, seq) {
		const range = this.range;
		if (range && seq >= range[0] && seq <= range[1]) row.classList.add("marked");
		if (seq && seq === this.upto) row.classList.add("cursor");
	}
	set(from, upto) {
		if (from === this.from && upto === this.upto) return;
		this.from = from;
		this.upto = upto;
		this.host.redraw();
	}
	/** Whether the key was one of ours. */
	key(event, rows) {
		if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") this.set(rows.at(0), rows.last);
		else if (event.key === "Escape" && this.upto) this.set(0, 0);
		else if (event.ctrlKey || event.metaKey) return false;
		else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
			const step = event.key === "ArrowDown" ? 1 : -1;
			const start = this.upto ? rows.place(this.upto) + step : step > 0 ? this.list.firstInView : this.list.firstInView + this.list.rowsInView - 1;
			this.move(Math.max(0, Math.min(rows.count - 1, start)), event.shiftKey, rows);
		} else if (event.shiftKey && (event.key === "Home" || event.key === "End")) this.move(event.key === "Home" ? 0 : rows.count - 1, true, rows);
		else return false;
		return true;
	}
	move(index, stretch, rows) {
		const seq = rows.at(index);
		if (!seq) return;
		this.set(stretch && this.from ? this.from : seq, seq);
		this.list.reveal(index);
	}
	down(event) {
		if (event.button !== 0 || event.pointerType === "touch") return;
		if (event.offsetX > this.scroller.clientWidth && event.target === this.scroller) return;
		const index = event.target instanceof Node ? this.list.indexOf(event.target) : -1;
		const seq = this.host.seqAt(index);
		if (!seq) return;
		if (event.shiftKey && this.from) {
			event.preventDefault();
			getSelection()?.removeAllRanges();
			this.set(this.from, seq);
			return;
		}
		this.set(0, 0);
		this.dragged = seq;
		const move = (moving) => {
			this.pointerY = moving.clientY;
			this.stretch();
		};
		const up = () => {
			window.removeEventListener("pointermove", move);
			window.removeEventListener("pointerup", up);
			window.removeEventListener("pointercancel", up);
			window.clearInterval(this.edge);
			this.edge = 0;
			if (!this.upto && getSelection()?.isCollapsed !== false) this.set(this.dragged, this.dragged);
			this.dragged = -1;
		};
		window.addEventListener("pointermove", move);
		window.addEventListener("pointerup", up);
		window.addEventListener("pointercancel", up);
		this.edge = window.setInterval(() => this.beyond(), EDGE_MS);
		this.pointerY = event.clientY;
	}
	/** The drag is over another row: whole lines are marked from now on. */
	stretch() {
		const seq = this.host.seqAt(this.list.indexAt(this.pointerY));
		if (!seq || seq === this.dragged && !this.upto) return;
		getSelection()?.removeAllRanges();
		this.set(this.dragged, seq);
	}
	/** Held above or below, the list goes on. */
	beyond() {
		const box = this.scroller.getBoundingClientRect();
		const over = this.pointerY < box.top ? this.pointerY - box.top : Math.max(0, this.pointerY - box.bottom);
		if (!over) return;
		this.list.scrollBy(over);
		this.stretch();
	}
};
// src/run/logs.ts
/** The log of a run: any of a million lines by its number, opened at the end, where it follows new lines. What is being
* read never moves; one selection of lines, one search, one node (the store's), one least level. */
var ROW = 19;
var ROW_NARROW = 38;
/** Rows above and below those in view whose text is asked for ahead. */
var AHEAD = 120;
var COPY_MAX = 1e4;
var SEARCH_MS = 250;
/** Lines that are told one by one to who listens; more come as a number, and not more often than this. */
var SAID_MS = 4e3;
var LogView = class {
	store;
	root;
	scroller;
	list;
	source;
	marking;
	narrow = window.matchMedia("(max-width: 640px)");
	query = {
		node: "",
		level: "",
		text: ""
	};
	/** Only lines with a hit are shown. */
	only = false;
	/** What the level lets through; null: it lets all. */
	level = null;
	found = null;
	/** Number of the hit that was gone to; 0: none. */
	hit = 0;
	follows = true;
	/** The last line when new ones were still followed: what came since is unread. */
	readUpTo = 0;
	/** The line that is to stand at the upper edge once the search has come to it. */
	awaited = null;
	unsaid = 0;
	frame = 0;
	look = {
		text: "",
		left: 0,
		width: 200
	};
	charWidth = 7.2;
	constructor(store, root = document) {
		this.store = store;
		this.root = root;
		const scroller = one("[data-logs]", root);
		const sizer = one("[data-log-sizer]", root);
		if (!scroller || !sizer) throw new Error("The page has no place for logs.");
		this.scroller = scroller;
		this.query = {
			...this.query,
			node: store.chosen
		};
		this.source = new LogSource(store.id, () => this.later(true));
		const rows = {
			render: (index, row) => this.render(index, row),
			shown: (first, last) => this.shown(first, last)
		};
		this.list = new Windowed(scroller, sizer, rows, this.narrow.matches ? ROW_NARROW : ROW);
		this.marking = new Marking(scroller, this.list, {
			seqAt: (index) => this.rows.at(index),
			redraw: () => this.list.redraw(),
			copy: (event) => void this.copy(event)
		});
		this.narrow.addEventListener("change", () => this.list.setRowHeight(this.narrow.matches ? ROW_NARROW : ROW));
		this.controls();
		this.label();
		store.listen((change) => {
			if (change.snapshot) this.open();
			else if (change.lines.length) this.take(change.lines);
			if (change.chosen) this.ofNode(store.chosen);
			if (change.snapshot || change.run) this.status();
		});
	}
	toggleFollow() {
		this.follow(!this.follows);
	}
	focus() {
		this.scroller.focus();
	}
	/** Puts the cursor into the search. */
	search() {
		one("[data-log-search]", this.root)?.select();
	}
	/** The numbers of the lines that are shown. */
	get rows() {
		if (this.only && this.found) return this.found.hits;
		return this.level ? this.level.hits : this.source.of(this.query.node);
	}
	async open() {
		try {
			await this.source.catchUp();
		} catch {
			return;
		}
		this.grown(0);
	}
	take(lines) {
		const before = this.source.all.count;
		this.source.take(lines);
		this.grown(this.source.all.count - before);
	}
	/** There are new lines. */
	grown(added) {
		this.unsaid += added;
		this.searchOn();
		this.later(false);
		if (added) this.tell();
	}
	/** Draws in the next frame, whatever came until then. */
	later(texts) {
		if (texts) this.stale = true;
		this.frame ||= requestAnimationFrame(() => {
			this.frame = 0;
			this.update();
		});
	}
	stale = false;
	lastCount = 0;
	update() {
		const { count: lines } = this.rows;
		if (this.follows) this.readUpTo = this.source.all.last;
		if (lines !== this.lastCount) {
			this.lastCount = lines;
			this.list.setCount(lines);
			if (this.follows) this.list.toEnd();
			else this.await();
		}
		if (this.stale) {
			this.stale = false;
			this.list.redraw();
		}
		this.status();
	}
	ofNode(node) {
		if (this.query.node !== node) this.ask({
			...this.query,
			node
		});
	}
	/** Shows other lines: the one at the upper edge, or the first one after it, stays there. */
	ask(query) {
		const kept = this.anchor();
		const other = query.node !== this.query.node || query.level !== this.query.level;
		const text = query.text !== this.query.text;
		this.query = query;
		if (other) {
			this.level?.cancel();
			this.level = query.level ? this.begin({
				...query,
				text: ""
			}) : null;
		}
		if (other || text) {
			this.found?.cancel();
			this.hit = 0;
			this.found = query.text ? this.begin(query) : null;
		}
		this.look = {
			...this.look,
			text: query.text
		};
		this.label();
		this.arrange(kept);
	}
	begin(query) {
		const search = new Search(this.store.id, query, (one) => this.searched(one));
		search.until(this.source.all.last);
		return search;
	}
	searchOn = throttled(SEARCH_MS, () => {
		this.level?.until(this.source.all.last);
		this.found?.until(this.source.all.last);
	});
	searched(search) {
		if (search !== this.level && search !== this.found) return;
		if (search === this.found && !this.hit && !this.only && search.hits.count) {
			const { seq } = this.anchor();
			const place = search.hits.place(seq);
			if (place < search.hits.count) this.goTo(place);
			else if (search.done) this.goTo(search.hits.count - 1);
		}
		this.later(false);
	}
	/** The line at the upper edge and how far it is cut off; while following the end, nothing above all. */
	anchor() {
		if (this.awaited) return this.awaited;
		if (this.follows) return {
			seq: this.rows.at(Math.max(0, this.rows.count - this.list.rowsInView)),
			below: 0
		};
		return {
			seq: this.rows.at(this.list.firstInView),
			below: -this.list.cutOff
		};
	}
	arrange(kept) {
		const { rows } = this;
		this.lastCount = rows.count;
		this.list.reset(rows.count);
		this.awaited = this.follows ? null : kept;
		if (this.follows) this.list.toEnd();
		this.await();
		this.list.redraw();
		this.status();
	}
	/** Keeps the line in its place while a search is still on its way to it. */
	await() {
		if (!this.awaited) return;
		this.list.showAt(this.rows.place(this.awaited.seq), this.awaited.below);
		const search = this.only ? this.found : this.level;
		if (!search || search.done || search.seen >= this.awaited.seq) this.awaited = null;
	}
	showOnly(only) {
		const kept = this.hit ? {
			seq: this.hit,
			below: 57
		} : this.anchor();
		this.only = only;
		setAttribute(one("[data-log-only]", this.root), "aria-pressed", String(only));
		this.arrange(kept);
	}
	follow(on) {
		this.follows = on;
		setAttribute(one("[data-log-follow]", this.root), "aria-pressed", String(on));
		this.awaited = null;
		if (on) {
			this.readUpTo = this.source.all.last;
			this.list.toEnd();
			this.status();
		}
	}
	/** Goes to the next or previous hit, from the last one or from what is read. */
	step(direction) {
		const hits = this.found?.hits;
		if (!hits?.count) return;
		this.goTo(following(hits, this.hit || this.anchor().seq - 1, direction));
	}
	goTo(place) {
		const hits = this.found?.hits;
		if (!hits || place < 0) return;
		this.hit = hits.at(place);
		this.follow(false);
		const index = this.rows.place(this.hit);
		const first = this.list.firstInView;
		if (index <= first || index >= first + this.list.rowsInView) this.list.showAt(index, Math.floor(this.list.rowsInView / 2) * (this.narrow.matches ? ROW_NARROW : ROW));
		this.list.redraw();
		this.status();
		this.say(fill(gettext("Hit {n} of {all}"), {
			n: count(place + 1),
			all: count(hits.count)
		}));
	}
	render(index, row) {
		const made = row ?? emptyRow();
		const seq = this.rows.at(index);
		fillRow(made, this.source.line(seq), this.look);
		if (seq === this.hit) made.classList.add("hit");
		this.marking.paint(made, seq);
		return made;
	}
	/** These rows are in the page: their text, and that of those around, is wanted. */
	shown(first, last) {
		const { rows } = this;
		const seqs = [];
		for (let index = first; index < last; index += 1) seqs.push(rows.at(index));
		for (let n = 1; n <= AHEAD; n += 1) {
			if (last + n - 1 < rows.count) seqs.push(rows.at(last + n - 1));
			if (first - n >= 0) seqs.push(rows.at(first - n));
		}
		this.source.want(seqs);
	}
	controls() {
		const scrolled = throttled(50, () => {
			this.awaited = null;
			const end = this.list.atEnd;
			if (this.follows && !end) this.follow(false);
			else if (!this.follows && end && this.rows.count) this.follow(true);
		});
		for (const name of [
			"wheel",
			"touchmove",
			"keydown",
			"pointerup"
		]) this.scroller.addEventListener(name, () => window.setTimeout(scrolled, 60), { passive: true });
		this.scroller.addEventListener("scroll", () => this.sideways(), { passive: true });
		this.scroller.addEventListener("keydown", (event) => this.key(event));
		const click = (selector, run) => one(selector, this.root)?.addEventListener("click", run);
		click("[data-log-follow]", () => this.toggleFollow());
		click("[data-log-new]", () => this.follow(true));
		click("[data-log-node]", () => this.store.choose(""));
		click("[data-log-next]", () => this.step(1));
		click("[data-log-prev]", () => this.step(-1));
		click("[data-log-only]", () => this.showOnly(!this.only));
		click("[data-log-copy]", () => void this.copy(null));
		const level = one("[data-log-level]", this.root);
		level?.addEventListener("change", () => this.ask({
			...this.query,
			level: level.value
		}));
		const search = one("[data-log-search]", this.root);
		const typed = () => {
			if (search && search.value !== this.query.text) this.ask({
				...this.query,
				text: search.value
			});
		};
		search?.addEventListener("input", debounced(120, typed));
		search?.addEventListener("keydown", (event) => {
			if (event.isComposing) return;
			if (event.key === "Enter") {
				typed();
				this.step(event.shiftKey ? -1 : 1);
			} else if (event.key === "Escape" && search.value) {
				search.value = "";
				typed();
			} else return;
			event.preventDefault();
		});
	}
	key(event) {
		if (typing(event.target) || event.altKey) return;
		const plainKey = !event.ctrlKey && !event.metaKey;
		if (event.key === "Home" && !event.shiftKey) {
			this.follow(false);
			this.list.showAt(0, 0);
		} else if (event.key === "End" && !event.shiftKey) this.follow(true);
		else if (event.key === "/" && plainKey) this.search();
		else if (event.key === "F3") this.step(event.shiftKey ? -1 : 1);
		else if (event.key === "n" && plainKey && this.found) this.step(1);
		else if (event.key === "N" && plainKey && this.found) this.step(-1);
		else if (this.marking.key(event, this.rows)) {
			if (event.key.startsWith("Arrow")) {
				const line = this.source.line(this.marking.at);
				if (line) this.say(`${line.level}, ${line.node}, ${visible(line.message.slice(0, 300))}`);
				this.follow(this.list.atEnd && this.marking.at === this.rows.last);
			}
		} else return;
		event.preventDefault();
	}
	/** Long lines are laid out where they are looked at. */
	sideways() {
		const look = {
			...this.look,
			left: Math.floor(this.scroller.scrollLeft / this.charWidth),
			width: Math.ceil(this.scroller.clientWidth / this.charWidth)
		};
		if (!moved$1(this.look, look)) return;
		this.look = look;
		this.list.redraw();
	}
	/** Copies the marked lines, else the last of those shown. */
	async copy(event) {
		const { rows } = this;
		const marked = this.marking.range;
		const from = marked ? rows.place(marked[0]) : Math.max(0, rows.count - COPY_MAX);
		const upto = marked ? rows.place(marked[1] + 1) : rows.count;
		const seqs = [];
		for (let index = from; index < Math.min(upto, from + COPY_MAX); index += 1) seqs.push(rows.at(index));
		if (!seqs.length) return;
		const here = seqs.map((seq) => this.source.line(seq));
		if (event?.clipboardData && here.every((line) => line !== void 0)) {
			event.clipboardData.setData("text/plain", here.map((line) => plain(line) + "\n").join(""));
			event.preventDefault();
			this.copied(seqs.length, upto - from);
			return;
		}
		event?.preventDefault();
		try {
			const text = this.source.lines(seqs).then((lines) => lines.map((line) => plain(line) + "\n").join(""));
			await navigator.clipboard.writeText(await text);
			this.copied(seqs.length, upto - from);
		} catch {
			toast(gettext("The browser does not let pages copy; mark the text and copy it yourself."), "error");
		}
	}
	copied(lines, wanted) {
		const said = fill(ngettext("{n} line copied.", "{n} lines copied.", lines), { n: count(lines) });
		toast(lines < wanted ? `${said} ${gettext("For more, download the log.")}` : said);
	}
	label() {
		const { node } = this.query;
		const button = one("[data-log-node]", this.root);
		setHidden(button, !node);
		setText(one("span", button ?? this.root), visible(this.store.nodes.get(node)?.name ?? node));
		setAttribute(button, "title", gettext("Show the lines of all nodes"));
		const link = one("[data-log-download]", this.root);
		setAttribute(link, "href", `/runs/${this.store.id}/logs/download/${node ? `?node=${encodeURIComponent(node)}` : ""}`);
		const said = node ? gettext("Download this node's log as text") : gettext("Download the run's log as text");
		setAttribute(link, "title", said);
		setAttribute(link, "aria-label", said);
		for (const part of [
			"[data-log-found]",
			"[data-log-prev]",
			"[data-log-next]",
			"[data-log-only]"
		]) setHidden(one(part, this.root), !this.query.text);
		setHidden(one("[data-log-hint]", this.root), true);
	}
	status() {
		const { rows, source } = this;
		setText(one("[data-log-count]", this.root), source.ready ? count(source.all.count) : "");
		setAttribute(this.scroller, "data-lines", String(rows.count));
		const hits = this.found?.hits;
		if (hits) {
			const more = this.found?.done ? "" : "…";
			const place = this.hit ? hits.place(this.hit) + 1 : 0;
			setText(one("[data-log-found]", this.root), `${place ? `${count(place)} / ` : ""}${count(hits.count)}${more}`);
		}
		const chip = one("[data-log-new]", this.root);
		const unread = this.follows ? 0 : rows.count - rows.place(this.readUpTo + 1);
		setHidden(chip, !unread);
		if (unread) setText(one("span", chip ?? this.root), fill(ngettext("{n} new line", "{n} new lines", unread), { n: count(unread) }));
		const empty = one("[data-log-empty]", this.root);
		const searching = this.level && !this.level.done || this.only && this.found && !this.found.done;
		setHidden(empty, !source.ready || rows.count > 0 || Boolean(searching));
		if (this.query.level || this.only) setText(empty, gettext("No line matches."));
		else if (this.query.node) setText(empty, gettext("This node has written nothing."));
		else setText(empty, RUN_ENDED.has(this.store.run?.state ?? "") ? gettext("Nothing was written.") : gettext("Nothing is written yet. Lines appear here as nodes write them."));
	}
	say(text) {
		setText(one("[data-log-said]", this.root), text);
	}
	/** Tells who listens that lines came: how many, now and then. */
	tell = throttled(SAID_MS, () => {
		const lines = this.unsaid;
		this.unsaid = 0;
		if (lines && this.scroller.offsetParent && this.scroller.contains(document.activeElement)) this.say(fill(ngettext("{n} new line", "{n} new lines", lines), { n: count(lines) }));
	});
};
// src/run/calls.ts
/** Buttons that are calls of the API: sent once, their outcome shown in place, what goes wrong beside the button.
*
*   <button data-call-method="POST" data-call-path="/api/v1/runs/7/nodes/a/retry/" data-call-body='{"policy": …}'>
*   <form data-call-form data-call-method=… data-call-path=…>     fields `policy.x` and `from` make the body
*   <button data-stack-path="/api/v1/runs/7/nodes/a/stack/">      takes the live stacks
*   <div data-outcome data-keep role="status">                     where outcomes are told
*
* Without scripts the same buttons send forms of the page.
*/
var RECEIPT_MS = 15e3;
var STATES_WITHOUT_ATTEMPT = /* @__PURE__ */ new Set([
	"pending",
	"ready",
	"retrying",
	"waiting"
]);
/** What a kill ended, as the server says it (presenters.receipt). */
function receipt(given) {
	const number = (name) => typeof given[name] === "number" ? given[name] : 0;
	const processes = number("processes");
	const slots = number("slots");
	let text = fill(ngettext("Ended {n} process in {span}", "Ended {n} processes in {span}", processes), {
		n: count(processes),
		span: duration(number("seconds"))
	});
	if (slots) text += `, ${fill(ngettext("{n} slot returned", "{n} slots returned", slots), { n: count(slots) })}`;
	return `${text}.`;
}
/** The body that a form's fields make; empty ones are left out. Numbers are numbers. */
function bodyOf(form) {
	const policy = {};
	const body = {};
	for (const [name, value] of form) {
		if (typeof value !== "string" || value.trim() === "") continue;
		if (name === "from") body["from"] = value;
		else if (name.startsWith("policy.")) policy[name.slice(7)] = Number.isNaN(Number(value)) ? value : Number(value);
	}
	if (Object.keys(policy).length) body["policy"] = policy;
	return body;
}
var NODE_COMMAND = /^\/api\/v1\/runs\/(\d+)\/nodes\/([a-z][a-z0-9_]*)\/(cancel|retry)\/$/;
var RUN_COMMAND = /^\/api\/v1\/runs\/(\d+)\/(cancel|retry)\/$/;
function why(error) {
	if (error instanceof ApiError) {
		const list = error.body["errors"];
		const first = Array.isArray(list) ? list[0] : void 0;
		const more = typeof first === "object" && first !== null && !Array.isArray(first) && typeof first["message"] === "string" ? first["message"] : "";
		return more && more !== error.message ? `${error.message} ${more}` : error.message;
	}
	return error instanceof TypeError ? gettext("Offline: this did not reach the server.") : String(error);
}
var Calls = class {
	store;
	root;
	refresh;
	/** What is on its way, by its button's key: a morph of the page must not make it possible to send it again. */
	sent = /* @__PURE__ */ new Set();
	constructor(store, root, refresh) {
		this.store = store;
		this.root = root;
		this.refresh = refresh;
		root.addEventListener("click", (event) => {
			const button = event.target instanceof Element ? event.target.closest("button[data-call-path], button[data-stack-path]") : null;
			if (!button) return;
			event.preventDefault();
			if (button.dataset["stackPath"]) this.takeStacks(button, button.dataset["stackPath"]);
			else this.send(button, button.dataset, this.parsed(button.dataset["callBody"]));
		});
		root.addEventListener("submit", (event) => {
			const form = event.target;
			if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-call-form")) return;
			event.preventDefault();
			const button = event.submitter ?? one("button.primary, button.danger", form);
			if (button instanceof HTMLButtonElement) this.send(button, form.dataset, bodyOf(new FormData(form)));
		});
	}
	/** After the page was brought up to date: what is on its way stays so. */
	mark() {
		for (const button of all("[data-call-path], [data-stack-path]", this.root)) this.show(button, this.sent.has(this.key(button)));
	}
	parsed(text) {
		return text ? JSON.parse(text) : void 0;
	}
	key(part) {
		const { callMethod, callPath, callBody, stackPath } = part.dataset;
		return stackPath ? `GET ${stackPath}` : `${callMethod ?? ""} ${callPath ?? ""} ${callBody ?? ""}`;
	}
	show(button, busy) {
		const target = button instanceof HTMLFormElement ? one("button.primary, button.danger", button) : button;
		if (!target) return;
		target.classList.toggle("busy", busy);
		if (busy) target.setAttribute("aria-disabled", "true");
		else target.removeAttribute("aria-disabled");
	}
	async send(button, data, body) {
		const method = data["callMethod"] ?? "POST";
		const path = data["callPath"] ?? "";
		const keyed = button.hasAttribute("data-call-path") ? button : button.closest("[data-call-path]") ?? button;
		const key = this.key(keyed);
		if (this.sent.has(key)) return;
		this.sent.add(key);
		this.show(keyed, true);
		this.wrong(button, "");
		const node = NODE_COMMAND.exec(path);
		const run = RUN_COMMAND.exec(path);
		const own = run?.[1] === this.store.id ? run[2] : "";
		const attempt = node && node[1] === this.store.id ? this.running(node[2] ?? "") : 0;
		try {
			await call(method, path, body ?? (method === "GET" ? void 0 : {}));
			button.closest("[popover]")?.hidePopover();
			if (node && attempt) {
				this.tell("busy", node[3] === "cancel" ? gettext("Ending its processes …") : gettext("Ending its processes, then it starts again …"));
				this.tell("done", await this.ended(node[2] ?? "", attempt));
			} else if (own === "cancel") this.cancelled();
			else if (own) this.tellRun(this.done(method, path));
			else this.tell("done", this.done(method, path));
		} catch (error) {
			this.tell("", "");
			this.wrong(button, why(error));
		} finally {
			this.sent.delete(key);
			this.mark();
			this.refresh();
		}
	}
	/** Number of the node's running attempt; 0: none. */
	running(node) {
		const known = this.store.nodes.get(node);
		return known && known.state === "running" ? known.attempt : 0;
	}
	/** Waits until the attempt is over; what its end says. */
	async ended(node, attempt) {
		const over = () => {
			const known = this.store.nodes.get(node);
			return !known || known.attempt > attempt || known.state !== "running" && (known.finished_at !== null || STATES_WITHOUT_ATTEMPT.has(known.state));
		};
		await new Promise((done) => {
			if (over()) {
				done();
				return;
			}
			const timer = window.setTimeout(finish, RECEIPT_MS);
			const stop = this.store.listen(() => {
				if (over()) finish();
			});
			function finish() {
				window.clearTimeout(timer);
				stop();
				done();
			}
		});
		const list = (await call("GET", `/api/v1/runs/${this.store.id}/nodes/${node}/attempts/?before=${attempt + 1}&limit=1`)).body["results"];
		const newest = Array.isArray(list) ? list[0] : void 0;
		const given = typeof newest === "object" && newest !== null && !Array.isArray(newest) ? newest["receipt"] : null;
		if (typeof given === "object" && given !== null && !Array.isArray(given)) return receipt(given);
		return over() ? gettext("It had ended by itself.") : gettext("It is still being ended; its receipt will stand under Attempts.");
	}
	/** Tells in the head how far the end of the run is, and at last what was ended. */
	async cancelled() {
		const { store } = this;
		const button = one("[data-cancel]", this.root);
		if (button) {
			button.disabled = true;
			setText(one("span", button), gettext("Cancelling"));
		}
		await new Promise((done) => {
			const look = () => {
				const running = store.run?.counts["running"] ?? 0;
				if (store.run && RUN_ENDED.has(store.run.state)) {
					stop();
					done();
				} else this.tellRun(running ? fill(ngettext("Ending {n} running node …", "Ending {n} running nodes …", running), { n: count(running) }) : gettext("Ending …"));
			};
			const stop = store.listen((change) => {
				if (change.run || change.snapshot) look();
			});
			look();
		});
		const response = await fetch(`/runs/${store.id}/summary/`, {
			headers: { Accept: "text/html" },
			credentials: "same-origin"
		});
		const said = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-receipt]")?.textContent.trim() ?? "";
		this.tellRun(said);
	}
	done(method, path) {
		const node = NODE_COMMAND.exec(path);
		const run = RUN_COMMAND.exec(path);
		if (node?.[3] === "retry") return gettext("It starts again.");
		if (node) return node[1] === this.store.id ? gettext("It does not start any more.") : fill(gettext("Node {node} of run {run} is being ended."), {
			node: node[2] ?? "",
			run: node[1] ?? ""
		});
		if (run?.[2] === "retry") return gettext("The failed nodes start again.");
		if (run) return fill(gettext("Run {run} is being ended."), { run: run[1] ?? "" });
		if (method === "PATCH" && path.startsWith("/api/v1/pools/")) return gettext("The pool has its new size; who waits for it starts now.");
		return gettext("Done.");
	}
	async takeStacks(button, path) {
		const key = this.key(button);
		if (this.sent.has(key)) return;
		this.sent.add(key);
		this.show(button, true);
		this.wrong(button, "");
		try {
			await call("GET", path);
			this.refresh(true);
		} catch (error) {
			this.wrong(button, why(error));
		} finally {
			this.sent.delete(key);
			this.mark();
		}
	}
	/** Tells what came of a call, in the place that the panel has for it. */
	tell(kind, text) {
		const place = one("[data-outcome]", this.root);
		if (!place) return;
		place.replaceChildren();
		if (text) place.append(element("p", `receipt ${kind}`, icon(kind === "busy" ? "run" : "ok", true), element("span", "", visible(text))));
	}
	tellRun(text) {
		setText(one("[data-run-outcome]", this.root), text);
	}
	/** Says beside the button why its call was refused; empty: takes that away. */
	wrong(button, text) {
		const row = button.closest("[data-acts], form, .row") ?? button;
		let place = row.nextElementSibling instanceof HTMLElement && row.nextElementSibling.hasAttribute("data-call-wrong") ? row.nextElementSibling : null;
		if (!text) {
			place?.remove();
			return;
		}
		if (!place) {
			place = element("p", "wrong");
			place.setAttribute("role", "alert");
			place.dataset["callWrong"] = "";
			place.dataset["keep"] = "";
			row.after(place);
		}
		setText(place, visible(text));
	}
};
// src/run/spark.ts
/** The path of a small chart; dashboard/presenters.py draws the same. */
var WIDTH = 150;
/** `values` oldest first, from 0 to `most`; what is not determined leaves a gap. */
function spark(values, most) {
	const step = WIDTH / Math.max(1, values.length - 1);
	let path = "";
	let pen = "M";
	values.forEach((value, place) => {
		if (value === null) {
			pen = "M";
			return;
		}
		const share = most > 0 ? Math.min(1, Math.max(0, value / most)) : 0;
		path += `${pen}${(place * step).toFixed(1)} ${(32 - share * 30).toFixed(1)}`;
		pen = "L";
	});
	return path;
}
// src/run/panel.ts
/** The panel at the side: HTML of the server about the chosen node or the run, asked for again when what it shows changed.
*
* Links to the run's own nodes and tabs are taken here, so that the page stands while one looks around; without scripts
* they are links. What somebody has open, typed or scrolled to survives a refresh (behaviours/morph.ts).
*/
var REFRESH_MS = 500;
var EVERY_MS = 2e3;
var LIVE_TABS = /* @__PURE__ */ new Set([
	"",
	"why",
	"attempts"
]);
/** Parts of a node that its panel shows; progress alone does not ask the server again. */
function facets(node) {
	return node ? JSON.stringify([
		node.state,
		node.attempt,
		node.reason,
		node.error,
		node.output,
		node.waiting_for
	]) : "";
}
function startPanel(store, root) {
	const panel = one("[data-panel]", root);
	if (!panel) throw new Error("The page has no panel.");
	return new NodePanel(store, root, panel);
}
var NodePanel = class {
	store;
	panel;
	calls;
	refreshSoon = throttled(REFRESH_MS, () => void this.ask());
	/** What of the node is looked at: tab, offset of rows, which stack. */
	query = new URLSearchParams();
	asked = 0;
	known = "";
	askedAt = 0;
	constructor(store, root, panel) {
		this.store = store;
		this.panel = panel;
		for (const name of [
			"tab",
			"offset",
			"stack",
			"before"
		]) if (readQuery(name)) this.query.set(name, readQuery(name));
		this.calls = new Calls(store, root, (stack) => {
			if (stack) {
				this.query = new URLSearchParams({
					tab: "why",
					stack: "newest"
				});
				this.ask().then(() => this.openStacks());
			} else this.refreshSoon();
		});
		store.listen((change) => {
			if (change.chosen) {
				this.known = this.shown();
				this.query = new URLSearchParams();
				this.ask();
				return;
			}
			if (change.samples.has(store.chosen)) this.drawTiles();
			if (!change.snapshot && !change.run && !change.stuck.size && !change.nodes.has(store.chosen)) return;
			const now = this.shown();
			if (this.known && this.known !== now) this.refreshSoon();
			this.known = now;
		});
		panel.addEventListener("click", (event) => this.follow(event));
		document.addEventListener("visibilitychange", () => {
			if (!document.hidden) this.refreshSoon();
		});
		window.setInterval(() => {
			if (!document.hidden && this.goesOn() && performance.now() - this.askedAt >= EVERY_MS) this.refreshSoon();
		}, EVERY_MS / 2);
	}
	show(tab) {
		const link = all(".tabs a", this.panel).find((one) => new URL(one.href).searchParams.get("tab") === tab);
		if (!link) {
			one("[data-panel-body]", this.panel)?.focus();
			return;
		}
		link.focus();
		link.click();
	}
	shown() {
		const { store } = this;
		if (store.chosen) return facets(store.nodes.get(store.chosen)) + String(store.stuck.has(store.chosen));
		return store.run ? JSON.stringify([
			store.run.state,
			store.run.counts,
			store.stuck.size
		]) : "";
	}
	/** Whether what is shown changes by time alone. */
	goesOn() {
		const { store } = this;
		if (!store.run || RUN_ENDED.has(store.run.state)) return false;
		if (!store.chosen) return true;
		const node = store.nodes.get(store.chosen);
		return node !== void 0 && !NODE_ENDED.has(node.state) && LIVE_TABS.has(this.query.get("tab") ?? "");
	}
	address() {
		const { id, chosen } = this.store;
		const query = this.query.toString();
		return (chosen ? `/runs/${id}/nodes/${chosen}/panel/` : `/runs/${id}/summary/`) + (query ? `?${query}` : "");
	}
	follow(event) {
		const link = event.target instanceof Element ? event.target.closest("a") : null;
		if (!link || link.target || link.hasAttribute("download") || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
		const address = new URL(link.getAttribute("href") ?? "", location.href);
		const match = new RegExp(`^/runs/${this.store.id}/(?:nodes/([a-z][a-z0-9_]*)/)?$`).exec(address.pathname);
		if (address.origin !== location.origin || !match) return;
		event.preventDefault();
		const node = match[1] ?? "";
		if (node !== this.store.chosen) this.store.choose(node);
		const wanted = address.searchParams;
		if (node && wanted.toString() !== this.query.toString()) {
			this.query = wanted;
			this.ask();
		}
		keepQuery("tab", node ? wanted.get("tab") ?? "" : "");
	}
	async ask() {
		const mine = ++this.asked;
		const address = this.address();
		if (this.panel.dataset["shows"] !== void 0 && this.panel.dataset["shows"] !== this.place()) setAttribute(this.panel, "aria-busy", "true");
		this.askedAt = performance.now();
		let text;
		try {
			const response = await fetch(address, {
				headers: { Accept: "text/html" },
				credentials: "same-origin"
			});
			if (response.redirected || !response.ok && response.status !== 404) return;
			text = await response.text();
			if (!response.ok) return;
		} catch {
			return;
		} finally {
			if (mine === this.asked) this.panel.removeAttribute("aria-busy");
		}
		if (mine !== this.asked) return;
		this.bring(text);
	}
	place() {
		return `${this.store.chosen} ${this.query.get("tab") ?? ""} ${this.query.get("offset") ?? ""}`;
	}
	bring(text) {
		const { panel } = this;
		const fresh = new DOMParser().parseFromString(text, "text/html");
		const wanted = element("aside");
		wanted.append(...fresh.body.childNodes);
		for (const { name, value } of [...panel.attributes]) wanted.setAttribute(name, value);
		const body = one("[data-panel-body]", panel);
		if (panel.dataset["shows"] !== this.place()) {
			body?.replaceChildren(element("section"));
			body?.scrollTo(0, 0);
			wanted.dataset["shows"] = this.place();
		}
		morph(panel, wanted);
		refreshTimes(panel);
		this.drawTiles();
		this.calls.mark();
	}
	openStacks() {
		const taken = one("details[data-stack]", this.panel);
		if (!taken) return;
		taken.open = true;
		taken.scrollIntoView({ block: "nearest" });
		one("summary", taken)?.focus();
	}
	drawTiles() {
		const tiles = one("[data-tiles]", this.panel);
		const samples = this.store.samples(this.store.chosen).slice(-120);
		const newest = samples.at(-1);
		if (!tiles || !newest || samples.length < 2) return;
		const cpu = samples.map((sample) => sample.cpu);
		const memory = samples.map((sample) => sample.memory);
		const known = (values) => values.filter((value) => value !== null);
		this.drawTile(tiles, "cpu", newest.cpu === null ? "–" : `${newest.cpu.toFixed(0)} %`, cpu, Math.max(100, ...known(cpu)));
		const limit = Number(one("[data-tile=\"memory\"]", tiles)?.dataset["limit"] ?? "");
		this.drawTile(tiles, "memory", newest.memory === null ? "–" : size(newest.memory), memory, limit || 1.15 * Math.max(1, ...known(memory)));
	}
	drawTile(tiles, name, value, values, most) {
		const tile = one(`[data-tile="${name}"]`, tiles);
		setText(one("[data-tile-value]", tile ?? tiles), value);
		const path = tile && one("path", tile);
		if (path && values.length * 2 >= (path.getAttribute("d")?.match(/[ML]/g)?.length ?? 0)) setAttribute(path, "d", spark(values, most));
	}
};
// src/live/fold.ts
var NOT_TAKEN = {
	runChanged: false,
	nodesChanged: /* @__PURE__ */ new Set(),
	lines: [],
	steps: [],
	snapshot: false,
	gap: false,
	older: false,
	newestAt: null
};
function nothing() {
	return {
		seq: -1,
		run: null,
		nodes: /* @__PURE__ */ new Map()
	};
}
/** `replace`: takes also a snapshot that is older than what is known. */
function fold(view, message, replace = false) {
	if (message.type === "snapshot") {
		if (message.seq < view.seq && !replace) return {
			...NOT_TAKEN,
			older: true
		};
		return whole(view, message.seq, message.run, message.nodes);
	}
	if (view.seq < 0 || message.first > view.seq + 1) return {
		...NOT_TAKEN,
		gap: true
	};
	const run = view.run;
	const changed = /* @__PURE__ */ new Set();
	const lines = [];
	const steps = [];
	let newestAt = null;
	for (const event of message.events) {
		if (event.seq <= view.seq) continue;
		newestAt = event.at;
		if (event.type === "log") lines.push(event.line);
		else if (event.type === "run") {
			const from = view.run?.state ?? null;
			view.run = event.run;
			if (from !== event.run.state) steps.push({
				seq: event.seq,
				at: event.at,
				node: "",
				from,
				to: event.run.state,
				attempt: 0,
				reason: "",
				error: null
			});
		} else if (event.type === "node") {
			const node = event.node;
			const before = view.nodes.get(node.node);
			view.nodes.set(node.node, node);
			changed.add(node.node);
			if (before && view.run && before.state !== node.state) view.run = {
				...view.run,
				counts: moved(view.run.counts, before.state, node.state)
			};
			if (before?.state !== node.state || before.attempt !== node.attempt) steps.push({
				seq: event.seq,
				at: event.at,
				node: node.node,
				from: before?.state ?? null,
				to: node.state,
				attempt: node.attempt,
				reason: node.reason,
				error: node.error
			});
		} else if (event.type === "progress") {
			const known = view.nodes.get(event.node);
			if (known) {
				view.nodes.set(event.node, {
					...known,
					progress: event.progress
				});
				changed.add(event.node);
			}
		}
	}
	view.seq = Math.max(view.seq, message.seq);
	return {
		...NOT_TAKEN,
		runChanged: run !== view.run,
		nodesChanged: changed,
		lines,
		steps,
		newestAt
	};
}
function whole(view, seq, run, nodes) {
	const changed = /* @__PURE__ */ new Set();
	const before = new Map(view.nodes);
	view.nodes.clear();
	for (const [id, node] of nodes) {
		const known = before.get(id);
		if (known && same(known, node)) view.nodes.set(id, known);
		else {
			view.nodes.set(id, node);
			changed.add(id);
		}
		before.delete(id);
	}
	for (const id of before.keys()) changed.add(id);
	view.seq = seq;
	view.run = run;
	return {
		...NOT_TAKEN,
		runChanged: true,
		nodesChanged: changed,
		snapshot: true
	};
}
/** The counts of a run after one of its nodes changed its state: the run's own events come only when the run does. */
function moved(counts, from, to) {
	const { [from]: left = 1, ...others } = counts;
	const next = left > 1 ? {
		...others,
		[from]: left - 1
	} : others;
	next[to] = (next[to] ?? 0) + 1;
	return next;
}
function same(a, b) {
	return JSON.stringify(a) === JSON.stringify(b);
}
// src/run/store.ts
/** What the run page knows: fed by the socket, read by its parts, each of which draws only what changed.
*
* Listeners are called once for each message, in the order in which they came to listen, with what changed. Time and
* the choice of a node are part of it, so that every part shows the same node chosen and the same nodes stuck.
*/
var NONE = /* @__PURE__ */ new Set();
var NOTHING_CHANGED = {
	snapshot: false,
	run: false,
	nodes: NONE,
	lines: [],
	steps: [],
	stuck: NONE,
	chosen: false,
	samples: NONE
};
/** Samples kept of each running node: five minutes at one a second. */
var SAMPLES_KEPT = 300;
/** How long a snapshot may be older than what is known, in ms: the server hands one on for a second. One that is still
* older after that comes from another database (a backup was restored), and is the truth. */
var OLDER_MS = 1500;
var RunStore = class {
	id;
	pageSeq;
	view = nothing();
	listeners = [];
	stuckNow = /* @__PURE__ */ new Set();
	running = /* @__PURE__ */ new Set();
	kept = /* @__PURE__ */ new Map();
	chosenNow;
	/** When the first of the older snapshots came; null: what came last was not one. */
	olderSince = null;
	/** When what came was first held back; null: nothing is. */
	heldSince = null;
	constructor(id, chosen, pageSeq = -1) {
		this.id = id;
		this.pageSeq = pageSeq;
		this.chosenNow = chosen;
	}
	get run() {
		return this.view.run;
	}
	/** By id, in document order. Always the same map; its nodes are replaced, never changed. */
	get nodes() {
		return this.view.nodes;
	}
	/** Number of the last event or line that is known; -1: nothing yet. */
	get seq() {
		return this.view.seq;
	}
	/** Nodes that run past what is expected of them. */
	get stuck() {
		return this.stuckNow;
	}
	/** Id of the chosen node; empty: none. */
	get chosen() {
		return this.chosenNow;
	}
	/** Samples of the node's present attempt, the oldest first. */
	samples(node) {
		return this.kept.get(node) ?? [];
	}
	listen(listener) {
		this.listeners.push(listener);
		return () => {
			const at = this.listeners.indexOf(listener);
			if (at >= 0) this.listeners.splice(at, 1);
		};
	}
	/** Takes a message; `now` by the server's clock, in ms. */
	take(message, now) {
		const folded = fold(this.view, message, this.olderSince !== null && now - this.olderSince >= OLDER_MS);
		if (folded.gap || folded.older) {
			if (folded.older) this.olderSince ??= now;
			return {
				gap: folded.gap,
				older: folded.older,
				newestAt: null
			};
		}
		this.olderSince = null;
		const held = this.heldSince !== null;
		const snapshot = folded.snapshot || held;
		const ids = snapshot ? this.view.nodes.keys() : folded.nodesChanged;
		if (snapshot) this.running.clear();
		for (const id of ids) if (this.view.nodes.get(id)?.state === "running") this.running.add(id);
		else {
			this.running.delete(id);
			this.kept.delete(id);
		}
		if (this.view.seq < this.pageSeq && now - (this.heldSince ??= now) < OLDER_MS) return {
			gap: false,
			older: false,
			newestAt: folded.newestAt
		};
		if (held) this.release(now);
		else {
			const stuck = this.look(now);
			if (folded.snapshot || folded.runChanged || folded.nodesChanged.size || folded.lines.length || stuck.size) this.tell({
				...NOTHING_CHANGED,
				snapshot: folded.snapshot,
				run: folded.runChanged,
				nodes: folded.nodesChanged,
				lines: folded.lines,
				steps: folded.steps,
				stuck
			});
		}
		return {
			gap: false,
			older: false,
			newestAt: folded.newestAt
		};
	}
	/** Tells of what was held back, as a first snapshot. */
	release(now) {
		this.heldSince = null;
		this.tell({
			...NOTHING_CHANGED,
			snapshot: true,
			run: true,
			nodes: new Set(this.view.nodes.keys()),
			stuck: this.look(now)
		});
	}
	/** Time went on: nodes may have become stuck. Call it each second. */
	tick(now) {
		if (this.heldSince !== null) {
			if (now - this.heldSince >= OLDER_MS) this.release(now);
			return;
		}
		const stuck = this.look(now);
		if (stuck.size) this.tell({
			...NOTHING_CHANGED,
			stuck
		});
	}
	choose(node) {
		if (node === this.chosenNow) return;
		this.chosenNow = node;
		this.tell({
			...NOTHING_CHANGED,
			chosen: true
		});
	}
	sampled(samples) {
		const changed = /* @__PURE__ */ new Set();
		for (const sample of samples) {
			if (!this.running.has(sample.node)) continue;
			const before = this.kept.get(sample.node);
			const list = before?.at(-1)?.attempt === sample.attempt ? before : [];
			list.push(sample);
			if (list.length > SAMPLES_KEPT) list.shift();
			this.kept.set(sample.node, list);
			changed.add(sample.node);
		}
		if (changed.size) this.tell({
			...NOTHING_CHANGED,
			samples: changed
		});
	}
	look(now) {
		let changed = null;
		for (const id of this.running) {
			const node = this.view.nodes.get(id);
			if (node && stuck(node, now) && !this.stuckNow.has(id)) {
				this.stuckNow.add(id);
				(changed ??= /* @__PURE__ */ new Set()).add(id);
			}
		}
		for (const id of this.stuckNow) {
			const node = this.view.nodes.get(id);
			if (!this.running.has(id) || !node || !stuck(node, now)) {
				this.stuckNow.delete(id);
				(changed ??= /* @__PURE__ */ new Set()).add(id);
			}
		}
		return changed ?? NONE;
	}
	tell(change) {
		for (const listener of [...this.listeners]) try {
			listener(change);
		} catch (error) {
			reportError(error);
		}
	}
};
// \0vite/preload-helper.js
var scriptRel = /* @__PURE__ */ (function detectScriptRel() {
	const relList = typeof document !== "undefined" && document.createElement("link").relList;
	return relList && relList.supports && relList.supports("modulepreload") ? "modulepreload" : "preload";
})();
var assetsURL = function(dep, importerUrl) {
	return new URL(dep, importerUrl).href;
};
var seen = {};
var isCssPreloadUrl = function isCssPreloadUrl(url) {
	return url.pathname.endsWith(".css");
};
var preloadOnce = function preloadOnce(seen, href, preload) {
	if (href in seen) return seen[href];
	const promise = preload();
	if (!promise) {
		seen[href] = void 0;
		return;
	}
	const preloadPromise = promise.then(() => {
		seen[href] = void 0;
	}, (err) => {
		seen[href] = void 0;
		throw err;
	});
	seen[href] = preloadPromise;
	return preloadPromise;
};
var __vitePreload = function preload(baseModule, deps, importerUrl) {
	let promise = Promise.resolve();
	if (deps && deps.length > 0) {
		let preloadedHrefs;
		const cspNonceMeta = document.querySelector("meta[property=csp-nonce]");
		const cspNonce = cspNonceMeta?.nonce || cspNonceMeta?.getAttribute("nonce");
		function allSettled(promises) {
			return Promise.all(promises.map((p) => Promise.resolve(p).then((value) => ({
				status: "fulfilled",
				value
			}), (reason) => ({
				status: "rejected",
				reason
			}))));
		}
		function importMetaResolve(specifier) {
			if (import.meta.resolve) return new URL(import.meta.resolve(specifier));
			return new URL(
				specifier,
				/** #__KEEP__ */
				import.meta.url
			);
		}
		promise = allSettled(deps.map((depString) => {
			depString = assetsURL(depString, importerUrl);
			const dep = importMetaResolve(depString);
			const isCss = isCssPreloadUrl(dep);
			return preloadOnce(seen, dep.href, () => {
				if (preloadedHrefs === void 0) {
					preloadedHrefs = {
						all: /* @__PURE__ */ new Set(),
						styles: /* @__PURE__ */ new Set()
					};
					const links = document.getElementsByTagName("link");
					for (let i = links.length - 1; i >= 0; i--) {
						const link = links[i];
						preloadedHrefs.all.add(link.href);
						if (link.rel === "stylesheet") preloadedHrefs.styles.add(link.href);
					}
				}
				if ((isCss ? preloadedHrefs.styles : preloadedHrefs.all).has(dep.href)) return;
				const link = document.createElement("link");
				link.rel = isCss ? "stylesheet" : scriptRel;
				if (!isCss) link.as = "script";
				link.crossOrigin = "";
				link.href = dep.href;
				if (cspNonce) link.setAttribute("nonce", cspNonce);
				document.head.appendChild(link);
				if (isCss) return new Promise((res, rej) => {
					const handleSettle = (e) => {
						link.removeEventListener("load", handleSettle);
						link.removeEventListener("error", handleSettle);
						if (e.type === "error") rej(/* @__PURE__ */ new Error(`Unable to preload CSS for ${dep}`));
						else res(e);
					};
					link.addEventListener("load", handleSettle);
					link.addEventListener("error", handleSettle);
				});
			});
		}).filter((p) => p !== void 0));
	}
	function handlePreloadError(err) {
		const e = new Event("vite:preloadError", { cancelable: true });
		e.payload = err;
		window.dispatchEvent(e);
		if (!e.defaultPrevented) throw err;
	}
	return promise.then((res) => {
		for (const item of res || []) {
			if (item.status !== "rejected") continue;
			handlePreloadError(item.reason);
		}
		return baseModule().catch(handlePreloadError);
	});
};
// src/run/main.ts
/** The run page: one store fed by the socket; each part listens to it by itself. */
/** Silence after which a page that is behind asks whether there is more. */
var QUIET_SECONDS = 1;
function startRun(run, root) {
	const store = new RunStore(run, root.dataset["chosen"] ?? "", Number(root.dataset["seq"] ?? -1));
	const panel = startPanel(store, root);
	startHead(store, root, () => panel.show("why"));
	startInputs(run, root);
	const logs = new LogView(store, root);
	const lazy = {
		canvas: null,
		nodes: null,
		events: null
	};
	const drawer = new Drawer(root, {
		nodes: () => {
			lazy.nodes = new NodeTable(store, root);
		},
		timeline: () => void startTimeline(store, root),
		events: () => {
			const host = one("[data-events]", root);
			if (host) lazy.events = mountEvents(host, store);
		}
	});
	const narrow = window.matchMedia("(max-width: 900px)");
	store.listen((change) => {
		if (!change.chosen) return;
		keepChosen(run, store.chosen);
		if (narrow.matches && store.chosen) one("[data-panel]", root)?.scrollIntoView({ block: "start" });
	});
	connect(store);
	startRunKeys(store, root, {
		drawer,
		logs,
		panel
	}, lazy);
	startCanvas(store, root).then((canvas) => {
		lazy.canvas = canvas;
	});
}
async function startCanvas(store, root) {
	const host = one("[data-canvas]", root);
	return host ? (await __vitePreload(async () => {
		const { mountRunCanvas } = await import("./run-qidX5fxu.js");
		return { mountRunCanvas };
	}, [], import.meta.url)).mountRunCanvas(host, store) : null;
}
/** Large, and not always needed: a script of its own. */
async function startTimeline(store, root) {
	const host = one("[data-timeline]", root);
	if (host) (await __vitePreload(async () => {
		const { mountTimeline } = await import("./timeline-5h-_WxXo.js");
		return { mountTimeline };
	}, [], import.meta.url)).mountTimeline(host, store);
}
function connect(store) {
	const lag = new Lag();
	const live = new Live({
		path: `/ws/runs/${store.id}/`,
		hello: () => {
			lag.hello();
			return store.seq >= 0 ? {
				type: "hello",
				after: store.seq
			} : { type: "hello" };
		},
		state: (state) => {
			if (state.kind !== "live") showLive(state);
		},
		refused: (code) => {
			if (code === 4404) toast(gettext("This run was deleted."), "error");
			else if (code === 4403) toast(gettext("You may not see this run any more."), "error");
		},
		message: (raw) => {
			const samples = readSamples(raw);
			if (samples) store.sampled(samples);
			const message = readRunMessage(raw);
			if (!message) return;
			const taken = store.take(message, serverNow());
			if (taken.gap) {
				live.hello();
				return;
			}
			const seconds = lag.heard(taken.newestAt, message.type === "events" ? message.events.length : 0, serverNow());
			if (seconds || taken.older) live.helloIn(taken.older ? 2 : QUIET_SECONDS);
			showLive(taken.older ? { kind: "connecting" } : seconds ? {
				kind: "behind",
				seconds
			} : { kind: "live" });
		}
	});
	const tick = () => {
		if (!document.hidden) store.tick(serverNow());
	};
	window.setInterval(tick, 1e3);
	document.addEventListener("visibilitychange", tick);
}
// src/main.ts
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
htmx.config.responseHandling = [
	{
		code: "204",
		swap: false
	},
	{
		code: "[23]..",
		swap: true
	},
	{
		code: "40[349]|422",
		swap: true,
		error: false
	},
	{
		code: ".*",
		swap: false,
		error: true
	}
];
document.documentElement.classList.remove("no-js");
document.addEventListener("htmx:configRequest", (event) => {
	event.detail.headers["X-CSRFToken"] = csrf();
});
document.addEventListener("htmx:afterSwap", (event) => {
	if (event.target instanceof Element) refreshTimes(event.target);
});
document.addEventListener("htmx:responseError", () => toast(gettext("The server refused this. Load the page again to see how things are."), "error"));
document.addEventListener("htmx:sendError", () => toast(gettext("Offline: this did not reach the server."), "error"));
one(".nav [aria-current]")?.scrollIntoView({
	block: "nearest",
	inline: "nearest"
});
keepTime();
startToasts();
startPopovers();
startSmall();
if (one("[data-live]")) {
	startKeys(openPalette);
	document.addEventListener("click", (event) => {
		if (event.target instanceof Element && event.target.closest("[data-palette]")) openPalette();
	});
	const run = document.body.dataset["run"];
	const view = one("[data-run-view]");
	if (run && view) startRun(run, view);
	else startParts();
	const editor = one("[data-editor]");
	if (editor) startEditor(editor);
}
